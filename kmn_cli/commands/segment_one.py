"""Segment one video into its output folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kmn_cli import __version__
from kmn_cli.commands.console import Console
from kmn_cli.commands.mask_plan import MaskArgument, MaskPlan
from kmn_cli.commands.result_json import (
    OUTPUTS,
    clear_results,
    input_bytes,
    read_result,
    write_result,
)
from kmn_cli.media.video import Frame, open_video

if TYPE_CHECKING:
    import torch

    from kmn_cli.inference.segmenter import SegmentOptions
    from kmn_cli.model.checkpoint import Checkpoint


@dataclass(frozen=True)
class Settings:
    """What the options of `kmn segment` say about how, and what is to be written."""

    options: SegmentOptions
    start: str | None
    end: str | None
    formats: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """One video of a run."""

    input: Path
    masks: list[MaskArgument]
    folder: Path


def segment_one(
    job: Job,
    settings: Settings,
    checkpoint: Checkpoint,
    device: torch.device,
    console: Console,
    *,
    overwrite: bool,
) -> dict[str, Any]:
    """Segment one video, unless its results are there already, and return its result.json.

    Raises:
        KmnError: the input, a mask or the output folder cannot be used; files written so far
            stay.
    """
    from kmn_cli.inference.measure import peak_memory, reset_peak_memory
    from kmn_cli.inference.object_report import ObjectReport
    from kmn_cli.inference.pipeline import run_pipeline
    from kmn_cli.inference.segmenter import VideoSegmenter
    from kmn_cli.media.sinks import open_sinks

    with open_video(job.input, start=settings.start, end=settings.end) as reader:
        info = reader.info
        whole = settings.start is None and settings.end is None
        masks = MaskPlan(job.masks, info, whole=whole)
        identity = {
            "input": str(info.path),
            "input_bytes": input_bytes(info.path),
            "settings": {
                **asdict(settings.options),
                "start": settings.start,
                "end": settings.end,
                "masks": masks.checksums,
            },
            "weights": {"name": checkpoint.name, "sha256": checkpoint.sha256},
        }
        if overwrite:
            clear_results(job.folder)
        done = read_result(job.folder, identity)
        if done is not None and set(settings.formats) <= set(done["outputs"]):
            console.note(f"{job.input}: already done, see {job.folder}")
            return done

        segmenter = VideoSegmenter(checkpoint.model, settings.options, device)
        report = ObjectReport(masks.object_ids, masks.frames)
        sinks = open_sinks(
            settings.formats, job.folder, info, masks.palette, lambda: masks.object_ids
        )
        reset_peak_memory(device)
        stop = info.first

        def count(frame: Frame) -> None:
            nonlocal stop
            stop = frame.index + 1
            progress.advance()

        with console.progress(
            job.folder.name, info.frames, peak=lambda: peak_memory(device)
        ) as progress:
            stats = run_pipeline(
                reader,
                segmenter,
                [*sinks, report],
                masks,
                object_ids=masks.object_ids,
                on_frame=count,
            )
        masks.check_all_used(stop)

    warnings = [*masks.warnings, *reader.warnings]
    warnings += [text for sink in sinks for text in sink.warnings]
    for text in warnings:
        console.warn(text)
    document = {
        "version": __version__,
        **identity,
        "frames": stats.frames,
        "size": [info.width, info.height],
        "source_fps": info.fps,
        "object_ids": list(masks.object_ids),
        "objects": report.to_json(),
        "device": str(device),
        "seconds": {
            "model": round(stats.model_seconds, 3),
            "io": round(stats.read_seconds + stats.write_seconds, 3),
            "total": round(stats.total_seconds, 3),
        },
        "frames_per_second": round(stats.frames / max(stats.model_seconds, 1e-9), 3),
        "peak_memory_bytes": peak_memory(device),
        "dropped_memory_frames": segmenter.dropped_frames,
        "warnings": warnings,
        "outputs": {
            **(done["outputs"] if done else {}),
            **{name: OUTPUTS[name] for name in settings.formats},
        },
    }
    write_result(job.folder, document)
    return document
