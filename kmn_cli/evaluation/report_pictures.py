"""The pictures of the report: frames of one method, or the same frames of two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.method import Method
from kmn_cli.evaluation.page import number
from kmn_cli.evaluation.thumbnails import (
    PREDICTION_COLOUR,
    TRUTH_COLOUR,
    WRONG_COLOUR,
    FramePick,
    draw_frame,
)


def pictures(benchmark: Benchmark, methods: Sequence[Method], picks: Iterable[FramePick]) -> str:
    """The picked frames with their legend; those of two methods side by side."""
    kinds = (("truth", TRUTH_COLOUR), ("prediction", PREDICTION_COLOUR), ("wrong", WRONG_COLOUR))
    legend = "".join(
        f'<span class="key"><i style="background: rgb{colour}"></i>{name}</span>'
        for name, colour in kinds
    )
    alone = len(methods) == 1
    cells = []
    for pick in picks:
        where = f"{pick.sequence} {pick.frame}"
        shown = "".join(_figure(benchmark, m, pick, where if alone else m.name) for m in methods)
        cells.append(
            shown
            if alone
            else f'<div class="card"><div class="head"><h3>{escape(where)}</h3></div>'
            f'<div class="pair">{shown}</div></div>'
        )
    return f'<p>{legend}</p><div class="{"grid" if alone else "pairs"}">{"".join(cells)}</div>'


def _figure(benchmark: Benchmark, method: Method, pick: FramePick, caption: str) -> str:
    video = next(video for video in benchmark.videos if video.name == pick.sequence)
    task = next(task for task in method.tasks if task.name == pick.sequence)
    score = method.score_of(pick.sequence)
    j, f = score.j_frames[pick.index], score.f_frames[pick.index]
    return (
        f'<figure><img src="{draw_frame(video, task, pick.frame)}" '
        f'alt="{escape(f"{pick.sequence} {pick.frame}")}">'
        f"<figcaption><b>{escape(caption)}</b> · J {number(j)} · F {number(f)}</figcaption>"
        "</figure>"
    )
