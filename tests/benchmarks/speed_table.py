"""The README's speed table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def speed_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Frames a second as Markdown: a line for each memory and size, a column for each objects."""
    objects = sorted({row["objects"] for row in rows})
    speeds = {(row["size"], row["frames"], row["objects"]): _speed(row) for row in rows}
    names = [f"{n} object{'s' if n > 1 else ''}" for n in objects]
    lines = [["size", "frames in memory", *names], ["---"] * (2 + len(objects))]
    for size, frames in sorted(
        {key[:2] for key in speeds}, key=lambda key: (int(key[0][:-1]), key)
    ):
        lines.append([size, str(frames), *(speeds.get((size, frames, n), "") for n in objects)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _speed(row: Mapping[str, Any]) -> str:
    seconds = [row[f"{name}_seconds"] for name in ("fp32", "bf16", "int8")]
    return " / ".join(f"{1 / value:.3g}" for value in seconds if value)
