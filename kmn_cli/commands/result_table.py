"""What became of the videos of a run, for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table


def result_table(results: Sequence[dict[str, Any]]) -> Table:
    """One row a video."""
    grid = Table()
    for column in ("video", "frames", "objects", "fps", "peak memory", "seconds", "results"):
        grid.add_column(column, overflow="fold")
    for result in results:
        grid.add_row(
            Path(result["input"]).name,
            str(result["frames"]),
            str(len(result["object_ids"])),
            f"{result['frames_per_second']:.2f}",
            f"{result['peak_memory_bytes'] / 2**20:.0f} MiB",
            f"{result['seconds']['total']:.1f}",
            result["output"],
        )
    return grid
