"""The curves of J and F over the frames: in the report, and as a picture of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from kmn_cli.evaluation import report_style
from kmn_cli.evaluation.charts import curves
from kmn_cli.evaluation.method import Method
from kmn_cli.files import write_text

_COLUMNS, _CELL_WIDTH, _CELL_HEIGHT, _LEGEND = 2, 480, 160, 34


def sequence_curves(methods: Sequence[Method], name: str) -> dict[str, str]:
    """The charts of one sequence by title: J and F of one method, or each of them of two."""
    scores = {method.name: method.score_of(name) for method in methods}
    if len(methods) == 1:
        score = scores[methods[0].name]
        charts = {"J and F": {"J": score.j_frames, "F": score.f_frames}}
    else:
        charts = {
            "J": {label: score.j_frames for label, score in scores.items()},
            "F": {label: score.f_frames for label, score in scores.items()},
        }
    frames = methods[0].score_of(name).frames
    return {
        title: curves(frames, [(n, v.tolist()) for n, v in series.items()], f"{name} {title}")
        for title, series in charts.items()
    }


def write_per_frame_plot(path: Path, methods: Sequence[Method]) -> None:
    """Write the curves of every sequence as one SVG picture."""
    charts = [
        (f"{score.name} · {title}", svg)
        for score in methods[0].scores
        for title, svg in sequence_curves(methods, score.name).items()
    ]
    names = ["J", "F"] if len(methods) == 1 else [method.name for method in methods]
    cells = [
        f'<rect class="key s{i}" x="{10 + i * 160}" y="9" width="11" height="11" rx="2"/>'
        f'<text class="title" x="{26 + i * 160}" y="19">{escape(name)}</text>'
        for i, name in enumerate(names)
    ]
    for i, (title, svg) in enumerate(charts):
        x, y = (i % _COLUMNS) * _CELL_WIDTH + 10, (i // _COLUMNS) * _CELL_HEIGHT + _LEGEND
        cells.append(
            f'<g transform="translate({x} {y})"><text class="title" y="12">{escape(title)}</text>'
            f'<g transform="translate(0 18)">{svg}</g></g>'
        )
    height = math.ceil(len(charts) / _COLUMNS) * _CELL_HEIGHT + _LEGEND
    write_text(
        path,
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_COLUMNS * _CELL_WIDTH}" '
        f'height="{height}"><style>:root {{ {report_style.LIGHT} }} {report_style.CHARTS}'
        "svg .title { fill: var(--ink); font-size: 13px; }</style>"
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(cells)}</svg>\n',
    )
