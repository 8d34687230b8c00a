"""report.html: one page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from kmn_cli import __version__
from kmn_cli.evaluation import report_style
from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.charts import Series, bars
from kmn_cli.evaluation.frame_curves import sequence_curves
from kmn_cli.evaluation.method import Method
from kmn_cli.evaluation.page import keys, memory, number, section, table
from kmn_cli.evaluation.predicted_ids import counted
from kmn_cli.evaluation.report_pictures import pictures
from kmn_cli.evaluation.tables import GLOBAL_COLUMNS, GROUP_COLUMNS, global_row, group_row
from kmn_cli.evaluation.thumbnails import frames_of_difference, worst_frames
from kmn_cli.files import write_text

# Nothing may be fetched and no script may run, whatever a sequence is called.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(path: Path, benchmark: Benchmark, methods: Sequence[Method]) -> None:
    """Write the report on one method, or on two side by side."""
    first = methods[0]
    title = f"{benchmark.protocol.value} · {benchmark.split}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(str(benchmark.root))} · {_extent(first)} · kmn {__version__}<br>"
        f"{escape(benchmark.protocol.scored_frames)}</p>",
        _figures(first) if len(methods) == 1 else "",
        section("Scores", _scores_table(methods)),
        section("Sequences", _bars(methods)),
    ]
    if len(methods) == 1:
        body.append(section("Worst frames", pictures(benchmark, methods, worst_frames(first))))
    else:
        worst = worst_frames(first, count=4)
        body.append(section(f"Worst frames of {first.name}", pictures(benchmark, methods, worst)))
        picks = frames_of_difference(first, methods[1])
        drawn = pictures(benchmark, methods, picks) if picks else "<p>They agree everywhere.</p>"
        body.append(section("Where they differ most", drawn))
    body.append(section("Frame by frame", _curves(methods)))
    if any(method.total_run for method in methods):
        body.append(section("Speed and memory", _speed_table(methods)))
    warnings = [w for method in methods for score in method.scores for w in score.warnings]
    if warnings:
        items = "".join(f"<li>{escape(text)}</li>" for text in warnings)
        body.append(section("Warnings", f'<ul class="warnings">{items}</ul>'))
    write_text(
        path,
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{report_style.PAGE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n",
    )


def _figures(method: Method) -> str:
    summary = method.summary
    figures = [("G", number(method.groups.g_mean))] if method.groups else []
    figures += [
        ("J&F mean", number(summary.jf_mean)),
        ("J mean", number(summary.j.mean)),
        ("F mean", number(summary.f.mean)),
    ]
    if run := method.total_run:
        figures.append(("frames a second", f"{run.frames_per_second:.1f}"))
        figures.append(("peak memory", memory(run.peak_memory)))
    cards = "".join(
        f'<div class="card figure"><b>{value}</b><span>{escape(name)}</span></div>'
        for name, value in figures
    )
    return f'<div class="figures">{cards}</div>'


def _scores_table(methods: Sequence[Method]) -> str:
    columns, rows = ["", *GLOBAL_COLUMNS], []
    if methods[0].groups:
        columns += GROUP_COLUMNS
    for method in methods:
        groups = group_row(method.groups) if method.groups else ()
        rows.append([method.name, *map(number, (*global_row(method.summary), *groups))])
    return table(columns, rows)


def _bars(methods: Sequence[Method]) -> str:
    scores = sorted(methods[0].scores, key=lambda score: -score.jf_mean)
    names = [score.name for score in scores]
    series: list[Series] = [
        (f"{method.name} J&F", [method.score_of(name).jf_mean for name in names])
        for method in methods
    ]
    if len(methods) == 1:
        series = [("J", [s.j_mean for s in scores]), ("F", [s.f_mean for s in scores])]
    chart = bars(names, series, [f"seq-{name}" for name in names])
    legend = keys([name for name, _ in series])
    return f'<div class="card"><p>{legend}</p><div class="scroll">{chart}</div></div>'


def _curves(methods: Sequence[Method]) -> str:
    alone = len(methods) == 1
    cards = []
    for score in methods[0].scores:
        count = len(score.object_ids)
        figures = f"J {number(score.j_mean)} · F {number(score.f_mean)}"
        charts = "".join(
            svg if alone else f"<p>{escape(title)}</p>{svg}"
            for title, svg in sequence_curves(methods, score.name).items()
        )
        cards.append(
            f'<div class="card" id="seq-{escape(score.name)}"><div class="head">'
            f"<h3>{escape(score.name)}</h3><span>{counted(count, 'object')}"
            f"{f' · {figures}' if alone else ''}</span></div>{charts}</div>"
        )
    legend = keys(["J", "F"] if alone else [method.name for method in methods])
    return f'<p>{legend}</p><div class="wide">{"".join(cards)}</div>'


def _speed_table(methods: Sequence[Method]) -> str:
    rows = []
    for method in methods:
        runs = {s.name: method.runs[s.name] for s in method.scores if s.name in method.runs}
        if total := method.total_run:
            runs["all"] = total
        for name, run in runs.items():
            rows.append(
                [
                    name if len(methods) == 1 else f"{method.name} · {name}",
                    str(run.frames),
                    str(run.objects),
                    f"{run.seconds:.2f}",
                    f"{run.frames_per_second:.2f}",
                    memory(run.peak_memory),
                ]
            )
    note = "<p>Seconds are the network's; reading and writing pictures are not in them.</p>"
    return note + table(
        ["", "frames", "objects", "seconds", "frames a second", "peak memory"], rows
    )


def _extent(method: Method) -> str:
    objects = sum(len(score.object_ids) for score in method.scores)
    frames = sum(len(score.frames) for score in method.scores)
    sequences = counted(len(method.scores), "sequence")
    return f"{sequences}, {counted(objects, 'object')}, {counted(frames, 'frame')} scored"
