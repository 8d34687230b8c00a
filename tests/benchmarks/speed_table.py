"""The README's speed table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def speed_table(rows: Sequence[Mapping[str, Any]], precisions: Sequence[str]) -> str:
    """Frames a second in each precision as Markdown: a line for each memory and size, a column for
    each number of objects."""
    objects = sorted({row["objects"] for row in rows})
    speeds = {(row["size"], row["frames"], row["objects"]): row for row in rows}
    kinds = " / ".join(precisions)
    names = [f"{n} object{'s' if n > 1 else ''}, {kinds}" for n in objects]
    lines = [["size", "frames in memory", *names], ["---"] * (2 + len(objects))]
    for size, frames in sorted(
        {key[:2] for key in speeds}, key=lambda key: (int(key[0][:-1]), key)
    ):
        cells = [speeds.get((size, frames, n)) for n in objects]
        lines.append([size, str(frames), *(_speed(row, precisions) for row in cells)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _speed(row: Mapping[str, Any] | None, precisions: Sequence[str]) -> str:
    if row is None:
        return ""
    return " / ".join(f"{1 / row[f'{name}_seconds']:.3g}" for name in precisions)
