"""The one loop: reader -> segmenter -> sinks, reading and writing beside the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kmn_cli.inference.background import Background, Prefetch
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.sinks import Sink
from kmn_cli.media.video import Frame

QUEUE_DEPTH = 4  # frames waiting on either side of the network: bounds memory, hides jitter


@dataclass(frozen=True)
class Earlier:
    """The frames an earlier run has finished, before the one at which this run goes on.

    Attributes:
        stop: index of the first frame that is left.
        sinks: those that need the finished frames again, such as a video that is written anew.
        labels: gives the labels (H, W) uint8 of a finished frame.
    """

    stop: int
    sinks: Sequence[Sink]
    labels: Callable[[Frame], np.ndarray]


class Saver(Protocol):
    """Saves now and then what a later run needs to go on."""

    def due(self) -> bool:
        """Whether to save now."""
        ...

    def save(self, stop: int) -> None:
        """Save; every frame before the index `stop` has been written."""
        ...


@dataclass(frozen=True)
class PipelineStats:
    """What a run did.

    Attributes:
        frames: frames written, those of an earlier run included.
        segmented: frames segmented by this run.
        read_seconds: spent decoding, on the reader's thread.
        model_seconds: spent in the network.
        write_seconds: spent in the sinks, on their thread.
        total_seconds: wall clock.
    """

    frames: int
    segmented: int
    read_seconds: float
    model_seconds: float
    write_seconds: float
    total_seconds: float


def run_pipeline(
    reader: Iterable[Frame],
    segmenter: VideoSegmenter,
    sinks: Sequence[Sink],
    mask_for: Callable[[Frame], np.ndarray | None],
    *,
    object_ids: Sequence[int],
    on_frame: Callable[[Frame], None] = lambda frame: None,
    earlier: Earlier | None = None,
    saver: Saver | None = None,
) -> PipelineStats:
    """Segments every frame of a reader and hands the result to every sink.

    Frames before the first mask get empty labels.

    Args:
        reader: yields the frames.
        segmenter: fresh, of this video.
        sinks: entered and left here.
        mask_for: the mask given for a frame, (H, W) uint8 object ids, or None.
        object_ids: all ids the masks hold: channel i + 1 of the sinks' `prob` is object_ids[i].
        on_frame: called after each frame, in the caller's thread.
        earlier: what need not be done again; the segmenter stands where that ended.
        saver: asked after each frame.

    Raises:
        Exception: whatever the reader, the segmenter or a sink raises; frames segmented until
            then have been written.
    """
    start = time.perf_counter()
    frames = segmented = 0
    want_prob = any(sink.wants_prob for sink in sinks)

    def write(item: tuple[Frame, np.ndarray, np.ndarray | None] | tuple[Frame]) -> None:
        frame = item[0]
        if len(item) == 3:
            for sink in sinks:
                sink.write(frame.index, *item)
        elif earlier is not None and earlier.sinks:
            labels = earlier.labels(frame)
            for sink in earlier.sinks:
                sink.write(frame.index, frame, labels, None)

    with ExitStack() as stack:
        for sink in sinks:
            stack.enter_context(sink)
        writer = stack.enter_context(Background(write, QUEUE_DEPTH))
        source = stack.enter_context(Prefetch(reader, QUEUE_DEPTH))
        for frame in _looking_ahead(source, segmenter, earlier.stop if earlier else 0):
            mask = mask_for(frame)
            if earlier is not None and frame.index < earlier.stop:
                writer.put((frame,))
            else:
                labels, prob = _segment(segmenter, frame, mask, object_ids, want_prob)
                writer.put((frame, labels, prob))
                segmented += 1
                if saver is not None and segmenter.object_ids and saver.due():
                    writer.flush()
                    saver.save(frame.index + 1)
            frames += 1
            on_frame(frame)
    return PipelineStats(
        frames=frames,
        segmented=segmented,
        read_seconds=source.seconds,
        model_seconds=sum(segmenter.seconds.values()),
        write_seconds=writer.seconds,
        total_seconds=time.perf_counter() - start,
    )


def _looking_ahead(
    source: Iterable[Frame], segmenter: VideoSegmenter, stop: int
) -> Iterator[Frame]:
    """The frames of a source, shown to the segmenter some at a time before their turns come."""
    frames = iter(source)
    end: Exception | None = None
    while end is None:
        batch: list[Frame] = []
        try:
            while len(batch) < segmenter.frames_ahead:
                batch.append(next(frames))
        except Exception as error:  # StopIteration or worse: after the frames that came before it
            end = error
        if len(batch) > 1 and segmenter.object_ids and batch[0].index >= stop:
            segmenter.look_ahead([frame.image for frame in batch])
        yield from batch
    if not isinstance(end, StopIteration):
        raise end


def _segment(
    segmenter: VideoSegmenter,
    frame: Frame,
    mask: np.ndarray | None,
    object_ids: Sequence[int],
    want_prob: bool,
) -> tuple[np.ndarray, np.ndarray | None]:
    size = frame.image.shape[:2]
    if mask is None and not segmenter.object_ids:
        labels, known = np.zeros(size, np.uint8), None
    else:
        labels, known = segmenter.step(frame.image, mask, want_prob=want_prob)
    if not want_prob:
        return labels, None
    # The sinks see one channel for every object of the video, also before it appears.
    prob = np.zeros((len(object_ids) + 1, *size), np.float32)
    if known is None:
        prob[0] = 1
    else:
        prob[[0, *(1 + object_ids.index(i) for i in segmenter.object_ids)]] = known
    return labels, prob
