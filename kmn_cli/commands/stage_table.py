"""Where the time of a video went, for -v."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table


def stage_table(seconds: Mapping[str, float], frames: int) -> Table:
    """One row a stage; decoding and writing run beside the network."""
    table = Table("stage", "seconds", "ms a frame")
    for stage, value in seconds.items():
        table.add_row(stage, f"{value:.1f}", f"{1e3 * value / max(frames, 1):.1f}")
    return table
