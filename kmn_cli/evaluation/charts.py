"""Charts as inline SVG. Colours come from the page by class (s0, s1, … for the series)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

_BAR = 9
_LABEL_WIDTH = 150
_BAR_WIDTH = 790
_HOVER_LIMIT = 400

Series = tuple[str, Sequence[float]]
"""A name and values in 0..1; NaN is a gap."""


def bars(labels: Sequence[str], series: Sequence[Series], links: Sequence[str]) -> str:
    """Horizontal bars, one group a label and one bar a series.

    Args:
        labels: of the groups.
        series: as many values as labels each.
        links: where a label leads to.
    """
    group = _BAR * len(series) + 9
    height = group * len(labels) + 26
    right = _LABEL_WIDTH + _BAR_WIDTH
    parts = [_open(right + 46, height, "bars")]
    for tenth in range(0, 11, 2):
        x = _LABEL_WIDTH + _BAR_WIDTH * tenth / 10
        parts.append(f'<line class="grid" x1="{x:g}" y1="0" x2="{x:g}" y2="{height - 20}"/>')
        parts.append(f'<text class="tick" x="{x:g}" y="{height - 6}">{tenth / 10:g}</text>')
    for row, (label, link) in enumerate(zip(labels, links, strict=True)):
        top = row * group + 4
        middle = top + _BAR * len(series) / 2
        parts.append(
            f'<a href="#{escape(link)}"><text class="name" x="{_LABEL_WIDTH - 8}" '
            f'y="{middle:g}">{escape(_clip(label))}<title>{escape(label)}</title></text></a>'
        )
        for i, (name, values) in enumerate(series):
            value = values[row]
            if math.isnan(value):
                continue
            y = top + i * _BAR
            parts.append(
                f'<rect class="s{i}" x="{_LABEL_WIDTH}" y="{y}" rx="1.5" '
                f'width="{max(value * _BAR_WIDTH, 0.5):.1f}" height="{_BAR - 1}">'
                f"<title>{escape(f'{label} · {name} {value:.3f}')}</title></rect>"
                f'<text class="value" x="{_LABEL_WIDTH + value * _BAR_WIDTH + 5:.1f}" '
                f'y="{y + _BAR / 2}">{value:.3f}</text>'
            )
    return "".join([*parts, "</svg>"])


def curves(frames: Sequence[str], series: Sequence[Series], title: str) -> str:
    """Values over the frames, one line a series; pointing at a frame tells its values."""
    width, height, left, top, bottom = 460, 130, 30, 8, 18
    inner_width, inner_height = width - left - 8, height - top - bottom
    count = len(frames)

    def x(index: int) -> float:
        return left + inner_width * (index / (count - 1) if count > 1 else 0.5)

    def y(value: float) -> float:
        return top + inner_height * (1 - value)

    parts = [_open(width, height, "curves", title)]
    for value in (0.0, 0.5, 1.0):
        parts.append(
            f'<line class="grid" x1="{left}" y1="{y(value):g}" x2="{width - 8}" y2="{y(value):g}"/>'
            f'<text class="tick end" x="{left - 5}" y="{y(value) + 3.5:g}">{value:g}</text>'
        )
    for index, anchor in dict.fromkeys([(0, "start"), (count - 1, "end")]):
        name = escape(frames[index])
        parts.append(f'<text class="tick {anchor}" x="{x(index):g}" y="{height - 4}">{name}</text>')
    for i, (_, values) in enumerate(series):
        for run in _runs(values):
            points = " ".join(f"{x(k):.1f},{y(values[k]):.1f}" for k in run)
            # A line of one point would not be drawn.
            points = f"{points} {points}" if len(run) == 1 else points
            parts.append(f'<polyline class="s{i}" points="{points}"/>')
    if count <= _HOVER_LIMIT:
        step = inner_width / max(count - 1, 1)
        for k, frame in enumerate(frames):
            text = " · ".join([frame, *(f"{name} {v[k]:.3f}" for name, v in series)])
            parts.append(
                f'<rect class="hover" x="{x(k) - step / 2:.1f}" y="{top}" width="{step:.1f}" '
                f'height="{inner_height}"><title>{escape(text)}</title></rect>'
            )
    return "".join([*parts, "</svg>"])


def _open(width: float, height: float, kind: str, title: str = "") -> str:
    label = f' aria-label="{escape(title)}"' if title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" role="img"{label} '
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">'
    )


def _runs(values: Sequence[float]) -> Iterator[list[int]]:
    """The stretches without a gap, as indices."""
    for is_gap, run in groupby(range(len(values)), lambda k: math.isnan(values[k])):
        if not is_gap:
            yield list(run)


def _clip(label: str) -> str:
    return label if len(label) <= 22 else f"{label[:21]}…"
