"""Segment one video into its output folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from kmn_cli import __version__
from kmn_cli.batch.both_ways import Directions, WayBack
from kmn_cli.batch.claim import claim
from kmn_cli.batch.continuation import continue_run, why_not
from kmn_cli.batch.job import Job, Settings, finished, identity
from kmn_cli.batch.listener import Listener
from kmn_cli.batch.mask_plan import MaskPlan
from kmn_cli.batch.result import (
    OUTPUTS,
    RESULT,
    clear_leftovers,
    clear_outdated,
    clear_results,
    read_result,
)
from kmn_cli.files import write_json
from kmn_cli.media.video import Frame, VideoReader

if TYPE_CHECKING:
    from kmn_cli.inference.loaded import LoadedNetwork


@dataclass(frozen=True)
class Result:
    """A video's result.json, and whether it was there already."""

    document: dict[str, Any]
    skipped: bool = False


@dataclass(frozen=True)
class Engine:
    """What segments: a network, and who is told about it."""

    network: LoadedNetwork
    listener: Listener


def segment_one(job: Job, settings: Settings, engine: Engine, *, wait: bool = False) -> Result:
    """Segment one video, unless its results are there already.

    Args:
        wait: for another process that works on this video.

    Raises:
        BusyError: another process works on it, and `wait` is false.
        KmnError: the input, a mask or the output folder cannot be used; files written so far
            stay.
    """
    listener, path = engine.listener, job.video.path
    with job.open(settings) as reader:
        info = reader.info
        masks = job.plan_masks(settings, info)
        listener.detail(
            f"{path}: {info.frames} frames of {info.width}x{info.height} at {info.fps:.3f} fps, "
            f"objects {', '.join(map(str, masks.object_ids))}"
        )
        run = identity(info, masks, settings, engine.network)
        if done := finished(job.folder, run, masks, settings):
            return Result(done, skipped=True)
        with claim(
            job.folder,
            wait=wait,
            on_wait=lambda holder: listener.note(f"{job.folder}: waiting for {holder}"),
            warn=listener.warn,
        ):
            if done := finished(job.folder, run, masks, settings):  # by whom we waited for
                return Result(done, skipped=True)
            if settings.overwrite:
                clear_results(job.folder)
            clear_leftovers(job.folder)
            return Result(_segment(job, settings, engine, run, reader, masks))


def _segment(
    job: Job,
    settings: Settings,
    engine: Engine,
    run: dict[str, Any],
    reader: VideoReader,
    masks: MaskPlan,
) -> dict[str, Any]:
    from kmn_cli.inference.measure import peak_memory, reset_peak_memory
    from kmn_cli.inference.object_report import ObjectReport
    from kmn_cli.inference.pipeline import run_pipeline
    from kmn_cli.inference.saved_state import SavedState
    from kmn_cli.inference.segmenter import VideoSegmenter
    from kmn_cli.media.sinks import open_sinks

    info, listener, network = reader.info, engine.listener, engine.network.ready
    # Of other formats: a run that adds one keeps them.
    before = read_result(job.folder, run, masks.contents)
    corrects = before is None and clear_outdated(job.folder, settings.formats)
    directions = Directions(settings.direction, masks, info.first)
    warnings: list[str] = []

    def warn(text: str) -> None:
        warnings.append(text)
        listener.warn(text)

    report = ObjectReport(masks.object_ids, masks.frames)
    sinks = dict(
        zip(
            settings.formats,
            open_sinks(settings.formats, job.folder, info, masks.palette, lambda: masks.object_ids),
            strict=True,
        )
    )
    deciding = _but_masks(run, settings, masks)
    make_segmenter = partial(
        VideoSegmenter, network, settings.options, exact_times=listener.verbose, warn=warn
    )
    make_state = partial(SavedState, run=deciding, warn=listener.warn)
    segmenter = make_segmenter()
    every = 0.0 if why_not(settings.formats) else settings.save_every
    state = make_state(
        job.folder, deciding=directions.deciding, segmenter=segmenter, report=report, every=every
    )
    made_by = "the earlier run" if corrects else "an interrupted run"
    earlier, continued = continue_run(job.folder, sinks, state, info, made_by)
    if continued is not None:
        listener.note(f"{job.folder}: {continued['note']}")
        listener.event("continued", output=str(job.folder), **continued)
    reset_peak_memory(network.device)
    start = earlier.stop if earlier else info.first
    stop = info.first

    def count(frame: Frame) -> None:
        nonlocal stop
        stop = frame.index + 1
        progress.advance()

    total = None if info.frames is None else info.frames + directions.frames_back(start)
    with listener.progress(
        job.video.name, total, peak=lambda: peak_memory(network.device)
    ) as progress:
        way_back = WayBack(
            job.folder,
            info,
            masks,
            directions,
            deciding,
            directions.name == "both" or any(sink.wants_prob for sink in sinks.values()),
            make_segmenter,
            partial(make_state, report=ObjectReport((), ()), every=settings.save_every, kept=1),
            count,
        )
        backward, stats_back = way_back.follow(start)
        stats = run_pipeline(
            reader,
            segmenter,
            [*sinks.values(), report],
            masks,
            object_ids=masks.object_ids,
            on_frame=count,
            earlier=earlier,
            backward=backward,
            saver=state,
        )
    masks.check_all_used(stop)
    for done in stats_back:
        stats = stats.after(done)
    listener.stages(stats.stages, stats.segmented)

    for text in [*masks.warnings, *reader.warnings]:
        warn(text)
    for text in [text for sink in sinks.values() for text in sink.warnings]:
        warn(text)
    document = {
        "version": __version__,
        **run,
        "mask_contents": masks.contents,
        "frames": stats.frames,
        "size": [info.width, info.height],
        "source_fps": info.fps,
        "object_ids": list(masks.object_ids),
        "objects": report.to_json(),
        "device": str(network.device),
        "precision": network.precision,
        "seconds": {
            "model": round(stats.model_seconds, 3),
            "io": round(stats.read_seconds + stats.write_seconds, 3),
            "total": round(stats.total_seconds, 3),
            "stages": {name: round(value, 3) for name, value in stats.stages.items()},
        },
        "frames_per_second": round(stats.segmented / max(stats.model_seconds, 1e-9), 3),
        "peak_memory_bytes": peak_memory(network.device),
        "dropped_memory_frames": segmenter.dropped_frames,
        "continued": continued,
        "warnings": warnings,
        "outputs": {
            **(before["outputs"] if before else {}),
            **{name: OUTPUTS[name] for name in settings.formats},
        },
    }
    # Again: the encoder of a run that was killed may have started only after it.
    clear_leftovers(job.folder)
    write_json(job.folder / RESULT, document)
    way_back.clear()
    if not job.alone:  # results of a single video may be corrected by further masks
        state.remove()
    return document


def _but_masks(run: dict[str, Any], settings: Settings, masks: MaskPlan) -> dict[str, Any]:
    """What decides the results beside the masks."""
    palette = hashlib.sha256(masks.palette or b"").hexdigest()
    chosen = {k: v for k, v in run["settings"].items() if k not in {"masks", "direction"}}
    formats = sorted(settings.formats)
    known = {**run, "settings": chosen, "formats": formats, "palette": palette}
    if "soft" in formats:  # every object has its pictures, also before it appears
        known["object_ids"] = list(masks.object_ids)
    return {**known, "version": __version__}
