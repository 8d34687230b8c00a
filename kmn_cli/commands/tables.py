"""Tables about the videos of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from kmn_cli.commands.progress import clock


def result_table(results: Sequence[dict[str, Any]]) -> Table:
    """What became of the videos of a run, one row each."""
    grid = Table()
    for column in ("video", "frames", "objects", "fps", "peak memory", "seconds", "look at"):
        grid.add_column(column, overflow="fold")
    for result in results:
        grid.add_row(
            Path(result["input"]).name,
            str(result["frames"]),
            str(len(result["object_ids"])),
            f"{result['frames_per_second']:.2f}",
            f"{result['peak_memory_bytes'] / 2**20:.0f} MiB",
            f"{result['seconds']['total']:.1f}",
            "–" if (frame := _look_at(result)) is None else f"frame {frame}",
        )
    return grid


def _look_at(result: Mapping[str, Any]) -> int | None:
    """The first frame at which an object failed; a batch has found it already."""
    from kmn_cli.inference.object_report import first_failure  # --help must not wait for it

    return result["look_at"] if "look_at" in result else first_failure(result["objects"])


def stage_table(seconds: Mapping[str, float], frames: int) -> Table:
    """Where the time of a video went; decoding and writing run beside the network."""
    table = Table("stage", "seconds", "ms a frame")
    for stage, value in seconds.items():
        table.add_row(stage, f"{value:.1f}", f"{1e3 * value / max(frames, 1):.1f}")
    return table


def plan_table(rows: Sequence[dict[str, Any]]) -> Table:
    """One row a video that --dry-run looked at."""
    grid = Table()
    for column in ("video", "plan", "frames", "size", "objects", "network time", "memory"):
        grid.add_column(column, overflow="fold")
    for row in rows:
        if row["plan"] == "error":
            grid.add_row(row["input"], "error", row["message"])
            continue
        cost = ["", ""]
        if "memory_bytes" in row:
            cost = [clock(row["network_seconds"]), f"{row['memory_bytes'] / 2**20:.0f} MiB"]
        frames = str(row["frames"])
        if row["frames_back"]:
            frames += f" + {row['frames_back']} back"
        size = "x".join(map(str, row["size"]))
        grid.add_row(row["input"], row["plan"], frames, size, str(row["objects"]), *cost)
    return grid
