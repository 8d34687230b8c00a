"""One video or a batch: each gets its turn, and what became of it is told at the end."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmn_cli import __version__
from kmn_cli.batch.events import Event, Tell
from kmn_cli.batch.inputs import LeftOut, Video
from kmn_cli.batch.job import Job
from kmn_cli.batch.rerun import rerun_line, write_list
from kmn_cli.batch.shard import Shard
from kmn_cli.batch.worker import Outcome, Runner
from kmn_cli.errors import BatchError, KmnError
from kmn_cli.files import atomic_path, write_json
from kmn_cli.inference.object_report import first_failure

log = logging.getLogger(__name__)

LISTED = 20  # failures spelled out at the end; all are in summary.json


@dataclass(frozen=True)
class Batch:
    """The videos of a run.

    Attributes:
        jobs: one a video.
        output: folder of all results.
        shard: which part of a larger batch this is.
        options: as typed, to say how to run again.
        fail_fast: stop at the first video that fails.
        left_out: files beside the videos that are none.
    """

    jobs: Sequence[Job]
    output: Path
    shard: Shard | None = None
    options: Sequence[str] = ()
    fail_fast: bool = False
    left_out: Sequence[LeftOut] = ()


@dataclass(frozen=True)
class Summary:
    """What became of a batch.

    Attributes:
        outcomes: of the videos that had their turn.
        document: all of summary.json; see `check_none_failed`.
    """

    outcomes: Sequence[Outcome]
    document: dict[str, Any]


def run_alone(job: Job, runner: Runner) -> dict[str, Any]:
    """Do the only video, and return its result.json.

    Raises:
        KmnError: it failed.
    """
    (outcome,) = runner([job], True)  # told when the runner has ended
    if outcome.error is not None:
        raise outcome.error
    assert outcome.result is not None  # it is waited for
    return outcome.result


def run_batch(batch: Batch, runner: Runner, tell: Tell) -> Summary:
    """Do all videos; those that other processes are at come last, and are waited for."""
    start = time.monotonic()
    outcomes: dict[Video, Outcome] = {}
    for waiting in (False, True):
        todo = [job for job in batch.jobs if job.video not in outcomes]
        outcomes |= _pass(batch, todo, runner, waiting=waiting)
        if batch.fail_fast and any(outcome.error for outcome in outcomes.values()):
            break
    ordered = [outcomes[job.video] for job in batch.jobs if job.video in outcomes]
    left = [job.video for job in batch.jobs if job.video not in outcomes]
    document = _report(batch, ordered, left, time.monotonic() - start)
    tell(Event("summary", {k: v for k, v in document.items() if k != "results"}))
    return Summary(ordered, document)


def _pass(
    batch: Batch, todo: Sequence[Job], runner: Runner, *, waiting: bool
) -> dict[Video, Outcome]:
    total, found = len(batch.jobs), {}
    for outcome in runner(todo, waiting):
        video = outcome.job.video
        if outcome.busy:
            log.info("%s: %s is at it; the others first", video.path, outcome.busy)
            continue
        found[video] = outcome
        if outcome.result and not outcome.skipped:
            count = total - len(todo) + len(found)
            frames, fps = outcome.result["frames"], outcome.result["frames_per_second"]
            log.info("[%d/%d] %s: %s frames, %.2f fps", count, total, video.name, frames, fps)
        if outcome.error and batch.fail_fast:
            break
    return found


def _report(
    batch: Batch, outcomes: Sequence[Outcome], left: Sequence[Video], seconds: float
) -> dict[str, Any]:
    """Write summary.json and the list of what failed."""
    results = [_entry(outcome) for outcome in outcomes if outcome.result]
    failed = [_failure(outcome) for outcome in outcomes if outcome.error]
    again = [outcome.job.video for outcome in outcomes if outcome.error] + list(left)
    suffix = (
        f"-{batch.shard.index + 1}-of-{batch.shard.count}"
        if batch.shard and batch.shard.count > 1
        else ""
    )
    list_file = batch.output / f"failed{suffix}.txt"
    rerun = rerun_line(list_file, batch.options) if again else None
    document = {
        "version": __version__,
        "videos": len(batch.jobs),
        "done": sum(not entry["skipped"] for entry in results),
        "skipped": sum(entry["skipped"] for entry in results),
        "failed": failed,
        "left_out": [file.to_json() for file in batch.left_out],
        "not_started": [str(video.path) for video in left],
        "warnings": sum(len(entry["warnings"]) for entry in results),
        "seconds": round(seconds, 3),
        "rerun": rerun,
        "results": results,
    }
    try:
        write_json(batch.output / f"summary{suffix}.json", document)
        list_file.unlink(missing_ok=True)
        if again:
            with atomic_path(list_file) as path:
                write_list(path, [(video.path, video.name) for video in again])
    except (KmnError, OSError) as error:
        log.warning("no summary was written: %s", error)
    if document["warnings"]:
        log.info("%d warnings, see summary.json", document["warnings"])
    doubted = [entry for entry in results if entry["look_at"] is not None]
    for entry in doubted[:LISTED]:
        log.info("%s: look at frame %d", entry["output"], entry["look_at"])
    if doubted:
        log.info("to mend a video: kmn edit %s", shlex.quote(doubted[0]["output"]))
    return document


def check_none_failed(document: Mapping[str, Any]) -> None:
    """Raise what failed in a batch, from its summary.

    Raises:
        BatchError: some videos failed.
    """
    failed, left = document["failed"], document["not_started"]
    if failed:
        lines = [f"{entry['input']}: {entry['message']}" for entry in failed[:LISTED]]
        if len(failed) > LISTED:
            lines.append(f"… and {len(failed) - LISTED} more")
        undone = f", {len(left)} not started" if left else ""
        raise BatchError(
            "\n  ".join([f"{len(failed)} of {document['videos']} videos failed{undone}:", *lines]),
            f"Once mended, this does just those: {document['rerun']}",
        )


def _entry(outcome: Outcome) -> dict[str, Any]:
    assert outcome.result is not None
    chosen = ("input", "frames", "object_ids", "frames_per_second", "peak_memory_bytes", "seconds")
    return {
        "output": str(outcome.job.folder),
        "skipped": outcome.skipped,
        **{name: outcome.result[name] for name in chosen},
        "continued": outcome.result.get("continued"),
        "look_at": first_failure(outcome.result["objects"]),
        "warnings": outcome.result["warnings"],
    }


def _failure(outcome: Outcome) -> dict[str, Any]:
    assert outcome.error is not None
    return {
        "input": str(outcome.job.video.path),
        "output": str(outcome.job.folder),
        "message": outcome.error.message,
        "hint": outcome.error.hint,
        "exit_code": int(outcome.error.exit_code),
    }
