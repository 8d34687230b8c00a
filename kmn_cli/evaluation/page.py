"""Small pieces of HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape


def section(title: str, content: str) -> str:
    """A headed part of the page."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f'<div class="card scroll"><table><tr>{head}</tr>{lines}</table></div>'


def keys(names: Sequence[str]) -> str:
    """The legend of a chart's series."""
    return "".join(
        f'<span class="key"><i class="s{i}"></i>{escape(name)}</span>'
        for i, name in enumerate(names)
    )


def number(value: float) -> str:
    """A score to three places, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.3f}"


def memory(size: int) -> str:
    """Bytes for people."""
    return f"{size / 2**30:.2f} GiB"
