"""The look of report.html, light and dark; it also draws the charts kept as files of their own."""

CHARTS = """
svg { max-width: 100%; height: auto; font: 11px system-ui, sans-serif; }
svg text { fill: var(--soft); dominant-baseline: auto; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .tick { text-anchor: middle; font-size: 10px; }
svg .tick.start { text-anchor: start; } svg .tick.end { text-anchor: end; }
svg .name { text-anchor: end; dominant-baseline: central; fill: var(--ink); font-size: 12px; }
svg .value { dominant-baseline: central; font-size: 9px; font-variant-numeric: tabular-nums; }
svg.bars rect.s0 { fill: var(--s0); } svg.bars rect.s1 { fill: var(--s1); }
svg.curves polyline { fill: none; stroke-width: 1.7; stroke-linejoin: round;
  stroke-linecap: round; }
svg.curves .s0 { stroke: var(--s0); } svg.curves .s1 { stroke: var(--s1); }
svg .key.s0 { fill: var(--s0); } svg .key.s1 { fill: var(--s1); }
svg .hover { fill: transparent; } svg .hover:hover { fill: var(--hover); }
"""

LIGHT = """--paper: #fbfbfa; --card: #fff; --ink: #1c2024; --soft: #697078; --line: #e4e6e8;
  --s0: #2563eb; --s1: #e0770b; --hover: #2563eb22; --accent: #2563eb; --warn: #9a5b00;"""
DARK = """--paper: #14171a; --card: #1c2024; --ink: #eceef0; --soft: #98a1aa; --line: #32383e;
  --s0: #6ea8fe; --s1: #ffb454; --hover: #6ea8fe22; --accent: #6ea8fe; --warn: #ffcf7a;"""

PAGE = f"""
:root {{ color-scheme: light dark; {LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }}
main {{ max-width: 1080px; margin: 0 auto; padding: 36px 24px 80px; }}
h1 {{ font-size: 27px; margin: 0 0 2px; letter-spacing: -.01em; }}
h2 {{ font-size: 18px; margin: 44px 0 12px; }}
h3 {{ font-size: 15px; margin: 0; }}
p, .soft {{ color: var(--soft); margin: 0 0 8px; }}
a {{ color: inherit; text-decoration: none; }}
.scroll {{ overflow-x: auto; }}
.card {{ background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 16px 18px; }}
.figures {{ display: flex; flex-wrap: wrap; gap: 12px; margin: 22px 0; }}
.figure {{ flex: 1 1 120px; }}
.figure b {{ display: block; font-size: 26px; line-height: 1.2;
  font-variant-numeric: tabular-nums; }}
.figure span {{ color: var(--soft); font-size: 13px; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }}
th {{ color: var(--soft); font-weight: 500; font-size: 13px; }}
th:first-child, td:first-child {{ text-align: left; }}
tr:last-child td {{ border-bottom: 0; }}
.key {{ display: inline-flex; align-items: center; gap: 6px; margin-right: 16px; font-size: 13px;
  color: var(--soft); }}
.key i {{ width: 12px; height: 12px; border-radius: 3px; display: inline-block; }}
.key i.s0 {{ background: var(--s0); }} .key i.s1 {{ background: var(--s1); }}
.grid {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 14px; }}
.wide {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(470px, 1fr)); gap: 14px; }}
figure {{ margin: 0; }}
figure img {{ display: block; width: 100%; border-radius: 8px; background: #8883; }}
figcaption {{ font-size: 13px; color: var(--soft); padding: 5px 2px 0; }}
figcaption b {{ color: var(--ink); font-weight: 600; }}
.pairs {{ display: grid; gap: 14px; }}
.pair {{ display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }}
.head {{ display: flex; justify-content: space-between; gap: 12px; align-items: baseline;
  margin-bottom: 8px; }}
.head span {{ color: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; }}
.warnings {{ color: var(--warn); margin: 0; padding-left: 20px; }}
:target {{ outline: 2px solid var(--accent); outline-offset: 3px; }}
@media (max-width: 620px) {{ .wide, .grid {{ grid-template-columns: 1fr; }} }}
{CHARTS}
"""
