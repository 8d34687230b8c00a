"""What a run would do, and an estimate of memory and time; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kmn_cli.batch.directions import Directions
from kmn_cli.batch.job import Job, Settings, finished, identity
from kmn_cli.errors import BatchError, KmnError
from kmn_cli.inference.estimate import measure
from kmn_cli.inference.loaded import LoadedNetwork
from kmn_cli.media.result_formats import want_soft

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What would become of the videos of a run.

    Attributes:
        rows: of each video, "plan": segment, skip or error, and why.
        workers: how many there are.
    """

    rows: Sequence[Row]
    workers: int

    @property
    def todo(self) -> list[Row]:
        """The videos that would be segmented."""
        return [row for row in self.rows if row["plan"] == "segment"]

    @property
    def seconds(self) -> float:
        """In the network, with all workers."""
        return sum(row["network_seconds"] for row in self.todo) / self.workers

    @property
    def memory(self) -> int:
        """Bytes of a worker, at the most."""
        return max((row["memory_bytes"] for row in self.todo), default=0)

    def to_json(self) -> dict[str, Any]:
        """The document of --json."""
        return {
            "videos": list(self.rows),
            "network_seconds": round(self.seconds, 3),
            "memory_bytes": self.memory,
            "workers": self.workers,
        }

    def check(self) -> None:
        """Raise what would fail.

        Raises:
            BatchError: some videos cannot be done.
        """
        errors = [row for row in self.rows if row["plan"] == "error"]
        if errors:
            lines = [f"{row['input']}: {row['message']}" for row in errors]
            raise BatchError(
                "\n  ".join([f"{len(errors)} of {len(self.rows)} videos cannot be done:", *lines]),
                "Mend them, or leave them out.",
            )


def make_plan(
    jobs: Sequence[Job], settings: Settings, network: LoadedNetwork, workers: int
) -> Plan:
    """Look at every video, and time the network on the largest; the others are reckoned from it."""
    plan = Plan([_look(job, settings, network) for job in jobs], workers)
    if plan.todo:
        largest = max(plan.todo, key=_load)
        _estimate(plan.todo, largest, jobs[list(plan.rows).index(largest)], settings, network)
    return plan


def _look(job: Job, settings: Settings, network: LoadedNetwork) -> Row:
    row: Row = {"input": str(job.video.path), "output": str(job.folder)}
    try:
        with job.open(settings) as reader:
            info = reader.info
        masks = job.plan_masks(settings, info)
        run = identity(info, masks, settings, network)
        done = finished(job.folder, run, masks, settings)
    except KmnError as error:
        return {**row, "plan": "error", "message": error.message}
    directions = Directions(settings.direction, masks, info.first)
    return {
        **row,
        "plan": "skip" if done else "segment",
        "frames": info.frames,
        "direction": directions.name,
        "frames_back": directions.frames_back(info.first),
        "size": [info.width, info.height],
        "objects": len(masks.object_ids),
    }


def _load(row: Row) -> int:
    """What the work for a frame grows with: pixels and objects; the picture itself counts once."""
    width, height = row["size"]
    return int(width * height * (1 + row["objects"]))


def _estimate(
    todo: Sequence[Row], largest: Row, job: Job, settings: Settings, network: LoadedNetwork
) -> None:
    with job.open(settings) as reader:
        labels = job.plan_masks(settings, reader.info).any_labels()
        frame = next(iter(reader)).image
    options = settings.options
    soft = want_soft(settings.formats) or any(row["direction"] == "both" for row in todo)
    cost = measure(network.ready, options, frame, labels, want_soft=soft)
    for row in todo:
        share = _load(row) / _load(largest)
        ways = (row["frames"] or 0, row["frames_back"])
        seconds = sum(cost.seconds(frames, options) for frames in ways)
        row["network_seconds"] = round(share * seconds, 3)
        row["memory_bytes"] = round(cost.base_bytes + share * (cost.peak_bytes - cost.base_bytes))
