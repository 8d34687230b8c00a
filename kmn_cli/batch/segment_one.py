"""Segment one video into its output folder: open, run, document."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kmn_cli import __version__
from kmn_cli.batch.claim import claim
from kmn_cli.batch.continuation import frame_names
from kmn_cli.batch.events import Event, Tell, tell_nobody
from kmn_cli.batch.job import Job, Settings, finished
from kmn_cli.batch.next_step import how_to_mend
from kmn_cli.batch.opened import Opened, open_job
from kmn_cli.batch.passes import Done, run_passes
from kmn_cli.batch.result import (
    OUTPUTS,
    RESULT,
    clear_leftovers,
    clear_outdated,
    clear_results,
    clear_strays,
    read_result,
    unfinished,
)
from kmn_cli.batch.same_input import is_newer
from kmn_cli.files import write_json
from kmn_cli.inference.loaded import LoadedNetwork

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """A video's result.json, and whether it was there already."""

    document: dict[str, Any]
    skipped: bool = False


def segment_one(
    job: Job,
    settings: Settings,
    network: LoadedNetwork,
    tell: Tell = tell_nobody,
    *,
    wait: bool = False,
) -> Result:
    """Segment one video, unless its results are there already.

    Args:
        job: the video, its masks, and where its results go.
        settings: how.
        network: loaded once, for many videos.
        tell: is told what happens.
        wait: for another process that works on this video.

    Raises:
        BusyError: another process works on it, and `wait` is false.
        KmnError: the input, a mask or the output folder cannot be used; files written so far
            stay.
    """
    start = time.monotonic()
    about: dict[str, Any] = {"input": str(job.video.path), "output": str(job.folder)}
    tell(Event("started", about))
    with job.open(settings) as reader:
        result = _segment(open_job(job, settings, network, reader, tell), wait=wait)
    if result.skipped:
        log.info("%s: already done, see %s", job.video.path, job.folder)
        if is_newer(job.video.path, job.folder / RESULT):
            log.warning(
                "%s: written to since its results were made. Its names, sizes and a sample of its "
                "bytes are as they were, so the results count; if it has changed, use --overwrite.",
                job.video.path,
            )
    about |= {"frames": result.document["frames"], "seconds": round(time.monotonic() - start, 3)}
    tell(Event("skipped" if result.skipped else "finished", about))
    return result


def _segment(video: Opened, *, wait: bool) -> Result:
    job, settings = video.job, video.settings
    if document := finished(job.folder, video.identity, video.masks, settings):
        return Result(document, skipped=True)
    with claim(
        job.folder,
        wait=wait,
        on_wait=lambda holder: log.info("%s: waiting for %s", job.folder, holder),
        warn=log.warning,
    ):
        # Maybe by whom we waited for.
        if document := finished(job.folder, video.identity, video.masks, settings):
            return Result(document, skipped=True)
        if settings.overwrite:
            clear_results(job.folder)
        clear_leftovers(job.folder)
        # Of other formats: a run that adds one keeps them.
        before = read_result(job.folder, video.identity, video.masks.contents)
        corrects = before is None and clear_outdated(
            job.folder, settings.formats, video.masks.object_ids
        )
        with unfinished(job.folder):
            done = run_passes(video, corrects=corrects)
            document = _document(video, done, before)
        if step := how_to_mend(job, video.masks, document):
            log.info(step)
        return Result(document)


def _document(video: Opened, done: Done, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Write result.json: from now on the results count as whole."""
    job, info, masks, stats = video.job, video.reader.info, video.masks, done.stats
    outputs = {name: OUTPUTS[name] for name in video.settings.formats}
    document = {
        "version": __version__,
        **video.identity,
        "mask_contents": masks.contents,
        "frames": stats.frames,
        "size": [info.width, info.height],
        "source_fps": info.fps,
        "object_ids": list(masks.object_ids),
        "objects": done.report.to_json(),
        "device": str(video.network.ready.device),
        "precision": video.network.ready.precision,
        "seconds": {
            "model": round(stats.model_seconds, 3),
            "io": round(stats.file_seconds, 3),
            "total": round(stats.total_seconds, 3),
            "stages": {name: round(value, 3) for name, value in stats.stages.items()},
        },
        "frames_per_second": round(stats.segmented / max(stats.model_seconds, 1e-9), 3),
        "peak_memory_bytes": done.peak_memory,
        "dropped_memory_frames": done.dropped_frames,
        "continued": done.continued,
        "warnings": video.warnings,
        "outputs": {**(before["outputs"] if before else {}), **outputs},
    }
    # Again: the encoder of a run that was killed may have started only after it.
    clear_leftovers(job.folder)
    written = set(islice(frame_names(info), stats.frames))
    clear_strays(job.folder, document["outputs"], written)
    write_json(job.folder / RESULT, document)
    done.clear()
    return document
