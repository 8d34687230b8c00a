"""--dry-run: what would be done, and an estimate of memory and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from kmn_cli.batch.job import Job, Settings, finished, identity
from kmn_cli.batch.segment_one import Engine
from kmn_cli.commands.console import Console
from kmn_cli.commands.progress import clock
from kmn_cli.errors import BatchError, KmnError

Row = dict[str, Any]


def show_plan(
    jobs: Sequence[Job], settings: Settings, engine: Engine, workers: int, console: Console
) -> None:
    """Say of each video what would become of it; nothing is written.

    The network is timed on the largest video; the others are reckoned from it.

    Raises:
        BatchError: some videos cannot be done.
    """
    rows = [_look(job, settings, engine) for job in jobs]
    todo = [row for row in rows if row["plan"] == "segment"]
    if todo:
        largest = max(todo, key=_load)
        job = jobs[rows.index(largest)]
        with console.progress("timing the network", unit="steps"):
            _estimate(todo, largest, job, settings, engine)
    seconds = sum(row["network_seconds"] for row in todo) / workers
    memory = max((row["memory_bytes"] for row in todo), default=0)
    errors = [row for row in rows if row["plan"] == "error"]
    console.result(
        {
            "videos": rows,
            "network_seconds": round(seconds, 3),
            "memory_bytes": memory,
            "workers": workers,
        }
    )
    console.print(_table(rows))
    console.print(
        f"{len(todo)} of {len(rows)} videos to do: about {clock(seconds)} in the network with "
        f"{workers} at a time, about {memory / 2**20:.0f} MiB for each. No results were written."
    )
    if errors:
        lines = [f"{row['input']}: {row['message']}" for row in errors]
        raise BatchError(
            "\n  ".join([f"{len(errors)} of {len(rows)} videos cannot be done:", *lines]),
            "Mend them, or leave them out.",
        )


def _look(job: Job, settings: Settings, engine: Engine) -> Row:
    row: Row = {"input": str(job.video.path), "output": str(job.folder)}
    try:
        with job.open(settings) as reader:
            info = reader.info
        masks = job.plan_masks(settings, info)
        run = identity(info, masks, settings, engine.network)
        done = finished(job.folder, run, masks, settings)
    except KmnError as error:
        return {**row, "plan": "error", "message": error.message}
    return {
        **row,
        "plan": "skip" if done else "segment",
        "frames": info.frames,
        "size": [info.width, info.height],
        "objects": len(masks.object_ids),
    }


def _load(row: Row) -> int:
    """What the work for a frame grows with: pixels and objects; the picture itself counts once."""
    width, height = row["size"]
    return int(width * height * (1 + row["objects"]))


def _estimate(
    todo: Sequence[Row], largest: Row, job: Job, settings: Settings, engine: Engine
) -> None:
    from kmn_cli.inference.estimate import measure

    with job.open(settings) as reader:
        labels = job.plan_masks(settings, reader.info).any_labels()
        frame = next(iter(reader)).image
    options = settings.options
    cost = measure(engine.network.ready, options, frame, labels)
    for row in todo:
        share = _load(row) / _load(largest)
        row["network_seconds"] = round(share * cost.seconds(row["frames"] or 0, options), 3)
        row["memory_bytes"] = round(cost.base_bytes + share * (cost.peak_bytes - cost.base_bytes))


def _table(rows: Sequence[Row]) -> Table:
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
        size = "x".join(map(str, row["size"]))
        grid.add_row(
            row["input"], row["plan"], str(row["frames"]), size, str(row["objects"]), *cost
        )
    return grid
