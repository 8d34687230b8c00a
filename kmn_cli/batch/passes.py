"""The passes over one video: back where frames are followed backwards, then forwards."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from kmn_cli import __version__
from kmn_cli.batch.continuation import continue_run, why_not
from kmn_cli.batch.directions import Directions
from kmn_cli.batch.opened import Opened
from kmn_cli.batch.way_back import WayBack
from kmn_cli.inference.measure import peak_memory, reset_peak_memory
from kmn_cli.inference.object_report import ObjectReport, failures
from kmn_cli.inference.pipeline import PipelineStats, run_pipeline
from kmn_cli.inference.saved_state import SavedState
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.result_formats import open_sinks, want_soft
from kmn_cli.media.sinks import Sink
from kmn_cli.media.video import Frame

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Done:
    """What the passes over a video did.

    Attributes:
        stats: of all passes together.
        report: what became of each object.
        dropped_frames: memory frames that the limit has dropped.
        peak_memory: in bytes.
        continued: for result.json: what an earlier run had left, or None.
        clear: forgets what an interrupted run would have gone on from.
    """

    stats: PipelineStats
    report: ObjectReport
    dropped_frames: int
    peak_memory: int
    continued: dict[str, Any] | None
    clear: Callable[[], None]


def run_passes(video: Opened, *, corrects: bool) -> Done:
    """Segment a video from where an earlier run has left it.

    Args:
        corrects: the earlier run was whole, but of fewer masks.

    Raises:
        InputError: a mask is for a frame that never came.
        KmnError: the video cannot be read, or the results cannot be written.
    """
    settings, masks, info, folder = video.settings, video.masks, video.reader.info, video.job.folder
    network = video.network.ready
    directions = Directions(settings.direction, masks, info.first)
    sinks = _sinks(video)
    report = ObjectReport(masks.object_ids, masks.frames, log.warning, masks.absent)
    make_segmenter = partial(_make_segmenter, video)
    run = _but_masks(video)
    make_state = partial(SavedState, run=run, warn=log.warning)
    segmenter = make_segmenter()
    state = make_state(
        folder,
        deciding=directions.deciding,
        segmenter=segmenter,
        report=report,
        every=0.0 if why_not(settings.formats) else settings.save_every,
    )
    made_by = "the earlier run" if corrects else "an interrupted run"
    earlier, continued = continue_run(folder, sinks, state, info, made_by)
    if continued is not None:
        video.happened("continued", output=str(folder), **continued)
        log.info("%s: %s", folder, continued["note"])
    reset_peak_memory(network.device)
    start = earlier.stop if earlier else info.first
    count = _Counter(video, directions.frames_back(start))
    wanted = directions.name == "both" or want_soft(settings.formats)

    def after_frame(frame: Frame) -> None:
        count(frame)
        if frame.index >= start - 1:  # a state is saved before its frame is looked back from
            report.follow(frame.index, segmenter)

    way_back = WayBack(video, directions, run, make_segmenter, make_state, wanted, count)
    backward, stats_back = way_back.follow(start)
    stats = run_pipeline(
        video.reader,
        segmenter,
        [*sinks.values(), report],
        masks,
        absent_from=masks.absent_from,
        object_ids=masks.object_ids,
        on_frame=after_frame,
        earlier=earlier,
        backward=backward,
        saver=state,
    )
    masks.check_all_used(count.stop)
    for before in stats_back:
        stats = stats.after(before)
    video.happened("stages", seconds=stats.stages, frames=stats.segmented)
    _take_warnings(video, directions, sinks.values(), report)
    peak = peak_memory(network.device)
    clear = partial(_clear, video, way_back, state)
    return Done(stats, report, segmenter.dropped_frames, peak, continued, clear)


def _take_warnings(
    video: Opened, directions: Directions, sinks: Iterable[Sink], report: ObjectReport
) -> None:
    """Note what there is to say in the end."""
    said = [video.masks.warnings, video.reader.warnings, *(sink.warnings for sink in sinks)]
    for text in chain.from_iterable(said):
        video.warn(text)
    before_masks = min(video.masks.frames) - video.reader.info.first
    if directions.name == "forward" and before_masks:
        video.warn(
            f"the {before_masks} frames before the first mask are empty: without --direction "
            "forward they are followed, too"
        )
    for text in failures(report.to_json()):
        video.warn(text)


def _clear(video: Opened, way_back: WayBack, state: SavedState) -> None:
    """Forget what an interrupted run would have gone on from, and not what a correction needs."""
    way_back.clear()
    if not video.job.alone:  # results of a single video may be corrected by further masks
        state.remove()
    elif kept := state.bytes_kept():
        log.info(
            "%s: %.0f MB in .state-*.safetensors let a correction go on from near it; delete them "
            "when the masks are right",
            video.job.folder,
            kept / 1e6,
        )


class _Counter:
    """Tells of every frame, and knows where the last one was."""

    def __init__(self, video: Opened, more: int) -> None:
        info = video.reader.info
        self.stop = info.first
        self._video = video
        self._done, self._total = 0, None if info.frames is None else info.frames + more

    def __call__(self, frame: Frame) -> None:
        self.stop = frame.index + 1
        self._done += 1
        self._video.happened(
            "frame",
            video=self._video.job.video.name,
            done=self._done,
            total=self._total,
            peak_memory_bytes=peak_memory(self._video.network.ready.device),
        )


def _make_segmenter(video: Opened) -> VideoSegmenter:
    exact_times = log.isEnabledFor(logging.DEBUG)
    options, network = video.settings.options, video.network.ready
    return VideoSegmenter(network, options, exact_times=exact_times, warn=video.warn)


def _sinks(video: Opened) -> dict[str, Sink]:
    """The sinks by their format."""
    formats, masks = video.settings.formats, video.masks
    sinks = open_sinks(
        formats, video.job.folder, video.reader.info, masks.palette, lambda: masks.object_ids
    )
    return dict(zip(formats, sinks, strict=True))


def _but_masks(video: Opened) -> dict[str, Any]:
    """What decides the results beside the masks."""
    palette = hashlib.sha256(video.masks.palette or b"").hexdigest()
    settings = video.identity["settings"]
    chosen = {k: v for k, v in settings.items() if k not in {"masks", "direction"}}
    formats = sorted(video.settings.formats)
    known = {**video.identity, "settings": chosen, "formats": formats, "palette": palette}
    if "soft" in formats:  # every object has its pictures, also before it appears
        known["object_ids"] = list(video.masks.object_ids)
    return {**known, "version": __version__}
