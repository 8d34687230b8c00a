"""The front door: what `kmn` does, for a program of your own.

    import kmn_cli

    result = kmn_cli.segment_video("cat.mp4", "cat.png")           # files, as `kmn segment` makes
    for index, image, labels, _ in kmn_cli.iter_segment("cat.mp4", "cat.png"):
        ...                                                        # arrays, frame by frame

Nothing is printed: what is done is told to callbacks, and to `logging` under "kmn_cli". Every error
that a user can cause is a KmnError, which says what happened and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kmn_cli.batch.events import Event, Tell, tell_nobody
from kmn_cli.batch.given_masks import MasksLike, by_frame
from kmn_cli.batch.inputs import LeftOut
from kmn_cli.batch.job import Job, Settings, find_jobs, make_job
from kmn_cli.batch.results import BatchResult, VideoResult
from kmn_cli.batch.run import Batch, run_batch
from kmn_cli.batch.runner import make_runner
from kmn_cli.batch.segment_one import segment_one
from kmn_cli.batch.shard import Shard
from kmn_cli.batch.workforce import Workforce
from kmn_cli.errors import KmnError
from kmn_cli.inference.background import Prefetch
from kmn_cli.inference.device import choose_device
from kmn_cli.inference.loaded import LoadedNetwork, load_network
from kmn_cli.inference.pipeline import QUEUE_DEPTH
from kmn_cli.inference.segment_options import SegmentOptions
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.inference.stream import SegmentedFrame, as_frames, stream
from kmn_cli.media.exports.export import export_masks
from kmn_cli.media.frame_names import FrameNames
from kmn_cli.media.labels import read_mask
from kmn_cli.media.masks import Mask, write_mask
from kmn_cli.media.video import open_video
from kmn_cli.model import read_config

__all__ = [
    "BatchResult",
    "Event",
    "Job",
    "KmnError",
    "LoadedNetwork",
    "Mask",
    "SegmentOptions",
    "SegmentedFrame",
    "Settings",
    "VideoResult",
    "VideoSegmenter",
    "Workforce",
    "choose_device",
    "export_masks",
    "find_jobs",
    "iter_segment",
    "load_network",
    "make_job",
    "open_video",
    "read_mask",
    "segment_batch",
    "segment_video",
    "write_mask",
]


def segment_video(
    video: str | Path,
    mask: MasksLike,
    output: str | Path | None = None,
    *,
    network: LoadedNetwork | None = None,
    options: SegmentOptions | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    on_event: Tell = tell_nobody,
    **settings: Any,
) -> VideoResult:
    """Segment one video into a folder, as `kmn segment` does.

    Results that are there already are not made again, and an interrupted call is continued by the
    next one with the same arguments.

    Args:
        video: a video file, or a folder of frames.
        mask: of the first frame, or by frame; a folder holds masks named like the frames.
        output: folder of this video's results; None is kmn-out/NAME.
        network: from `load_network`; None loads the shipped one.
        options: from `network.options(...)`; None is what the network is best at.
        progress: called after each frame with the number of frames done and, if it is known, of
            all.
        on_event: called with all that happens, see `Event`.
        settings: formats, start, end, overwrite, save_every, direction: see `Settings`.

    Raises:
        InputError: the video or a mask cannot be used.
        UsageError: the folder holds results of other settings, or a setting is wrong.
        KmnError: the folder cannot be written.
    """

    def tell(event: Event) -> None:
        on_event(event)
        if progress is not None and event.name == "frame":
            progress(event.facts["done"], event.facts["total"])

    job = make_job(video, mask, output)
    network = network or load_network()
    wanted = Settings(options or network.options(), **settings)
    done = segment_one(job, wanted, network, tell, wait=True)
    return VideoResult.of(job.folder, done.document, skipped=done.skipped)


def segment_batch(
    jobs: Sequence[Job],
    output: str | Path = "kmn-out",
    *,
    settings: Settings | None = None,
    weights: str | None = None,
    workforce: Workforce | None = None,
    shard: Shard | None = None,
    fail_fast: bool = False,
    left_out: Sequence[LeftOut] = (),
    rerun: Sequence[str] = (),
    on_event: Tell = tell_nobody,
) -> BatchResult:
    """Segment many videos; one that fails does not stop the others.

    Results that are there already are not made again, interrupted ones are continued, and what
    another process is at comes last: several calls may share the work, also on other machines.

    Args:
        jobs: from `find_jobs`, or each from `make_job`.
        output: folder of summary.json and of the list of what failed.
        settings: of all videos; None is what the network is best at.
        weights: as of `load_network`.
        workforce: devices and workers, or a Ray cluster; None is this process.
        shard: which part of a larger batch the jobs are.
        fail_fast: stop at the first video that fails.
        left_out: files beside the videos that are none, for summary.json.
        rerun: the options of `kmn segment` that do the same, for summary.json.
        on_event: called with all that happens, see `Event`; on Ray, see `Workforce`.

    Raises:
        WeightsError: the checkpoint cannot be used.
        DeviceError: a device is not there.
    """
    settings = settings or Settings(SegmentOptions.best_for(read_config(weights)))
    runner = make_runner(settings, weights, workforce or Workforce(), on_event)
    batch = Batch(jobs, Path(output), shard, rerun, fail_fast, left_out)
    summary = run_batch(batch, runner, on_event)
    videos = [
        VideoResult.of(one.job.folder, one.result, skipped=one.skipped)
        for one in summary.outcomes
        if one.result
    ]
    failed = {one.job.video.path: one.error for one in summary.outcomes if one.error}
    return BatchResult(tuple(videos), failed, summary.document)


def iter_segment(
    video: str | Path | Iterable[np.ndarray],
    masks: MasksLike,
    *,
    start: str | None = None,
    end: str | None = None,
    network: LoadedNetwork | None = None,
    options: SegmentOptions | None = None,
    want_prob: bool = False,
) -> Iterator[SegmentedFrame]:
    """Segment a video frame by frame, writing nothing.

    Memory does not grow with the length of the video. A file is decoded beside the network; an
    iterable of frames is asked for the next one only when the last has been yielded, so that a
    camera may be one. Frames before the first mask are all background.

    Args:
        video: a video file, a folder of frames, or frames (H, W, 3) uint8 RGB of one size.
        masks: of the first frame, or by frame. A later mask adds its new objects and corrects
            those it names.
        start, end: of a file, as in `Settings`.
        network: from `load_network`; None loads the shipped one.
        options: from `network.options(...)`; None is what the network is best at.
        want_prob: also yield probabilities.

    Yields:
        The frame's index, the frame, its labels and its probabilities: see `SegmentedFrame`.

    Raises:
        InputError: the video or a mask cannot be used.
        UsageError: start or end cannot be understood.
    """
    network = network or load_network()
    given = by_frame(masks)
    segmenter = VideoSegmenter(network.ready, options or network.options())
    if not isinstance(video, (str, Path)):
        yield from stream(as_frames(video), segmenter, given, want_prob=want_prob)
        return
    names = FrameNames(Path(video))
    given = {name and str(names.find(name)): mask for name, mask in given.items()}
    with open_video(video, start=start, end=end) as reader, Prefetch(reader, QUEUE_DEPTH) as frames:
        yield from stream(frames, segmenter, given, want_prob=want_prob)
