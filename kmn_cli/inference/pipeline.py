"""The one loop: reader → Prefetch → segmenter.step → Background → sinks."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from kmn_cli.inference.background import Background, Prefetch
from kmn_cli.inference.both_ways import Backward
from kmn_cli.inference.saved_state import SavedState
from kmn_cli.inference.segmenter import Prediction, VideoSegmenter
from kmn_cli.interrupt import deferred_interrupt
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

    def answer(self, frame: Frame) -> Prediction:
        """What was found on a finished frame."""
        return Prediction(self.labels(frame))


class _Found(NamedTuple):
    """A frame on its way to the sinks."""

    frame: Frame
    sinks: Sequence[Sink]
    answer: Callable[[], Prediction]  # called on the sinks' thread


@dataclass(frozen=True)
class PipelineStats:
    """What a run did.

    Attributes:
        frames: frames written, those of an earlier run included.
        segmented: frames segmented by this run.
        total_seconds: wall clock.
        stages: seconds of all parts of the work: "decode" on the reader's thread, "write" on that
            of the sinks, the others in the network.
    """

    frames: int
    segmented: int
    total_seconds: float
    stages: dict[str, float]

    @property
    def file_seconds(self) -> float:
        """Spent in decoding and writing."""
        return self.stages["decode"] + self.stages["write"]

    @property
    def model_seconds(self) -> float:
        """Spent in the network."""
        return sum(self.stages.values()) - self.file_seconds

    def after(self, before: PipelineStats) -> PipelineStats:
        """With the work of another run over the same frames."""
        stages = {**before.stages, **self.stages}
        return PipelineStats(
            self.frames,
            self.segmented + before.segmented,
            self.total_seconds + before.total_seconds,
            {name: self.stages.get(name, 0) + before.stages.get(name, 0) for name in stages},
        )


def run_pipeline(
    reader: Iterable[Frame],
    segmenter: VideoSegmenter,
    sinks: Sequence[Sink],
    mask_for: Callable[[Frame], np.ndarray | None],
    *,
    object_ids: Sequence[int],
    absent_from: Callable[[Frame], Collection[int]] = lambda frame: (),
    on_frame: Callable[[Frame], None] = lambda frame: None,
    earlier: Earlier | None = None,
    backward: Backward | None = None,
    saver: SavedState | None = None,
) -> PipelineStats:
    """Segments every frame of a reader and hands the result to every sink.

    The frames may come in any order; what the segmenter learns, it learns in theirs. Frames before
    the first mask get empty labels, unless a run backwards has found them.

    Args:
        reader: yields the frames.
        segmenter: fresh, of this video.
        sinks: entered and left here.
        mask_for: the mask given for a frame, (H, W) uint8 object ids, or None.
        object_ids: all ids the masks hold: channel i + 1 of the sinks' `soft` is object_ids[i].
        absent_from: ids of objects that are said not to be in a frame.
        on_frame: called after each frame, in the caller's thread.
        earlier: what need not be done again; the segmenter stands where that ended.
        backward: what was found on the way back.
        saver: asked after each frame.

    Raises:
        KeyboardInterrupt: after the frame at hand, which has been written, and the state saved.
        Exception: whatever the reader, the segmenter or a sink raises; frames segmented until
            then have been written.
    """
    start = time.perf_counter()
    frames = segmented = 0
    stop = earlier.stop if earlier else 0
    want_soft = any(sink.wants_soft for sink in sinks)
    answer_for = Answers(segmenter, object_ids, want_soft=want_soft, backward=backward)

    with ExitStack() as stack:
        for sink in sinks:
            stack.enter_context(sink)
        writer = stack.enter_context(Background(_write, QUEUE_DEPTH))
        source = stack.enter_context(Prefetch(reader, QUEUE_DEPTH))
        interrupted = stack.enter_context(deferred_interrupt())
        for frame in _looking_ahead(source, segmenter, stop):
            mask = mask_for(frame)
            done_before = earlier is not None and frame.index < stop
            if earlier is not None and done_before:
                writer.put(_Found(frame, earlier.sinks, partial(earlier.answer, frame)))
            else:
                writer.put(_Found(frame, sinks, answer_for(frame, mask, absent_from(frame))))
                segmented += 1
            ending = interrupted()
            can_be_saved = bool(segmenter.object_ids) and not done_before
            if saver and can_be_saved and saver.due(given=mask is not None, ending=ending):
                writer.flush()
                saver.save(frame.index)
            frames += 1
            on_frame(frame)
            if ending:
                raise KeyboardInterrupt
    return PipelineStats(
        frames=frames,
        segmented=segmented,
        total_seconds=time.perf_counter() - start,
        stages={"decode": source.seconds, **segmenter.seconds, "write": writer.seconds},
    )


def _write(found: _Found) -> None:
    """Hand a frame to its sinks; one that no sink wants is not even looked up."""
    if found.sinks:
        answer = found.answer()
        for sink in found.sinks:
            sink.write(found.frame.index, found.frame, answer.labels, answer.soft)


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


@dataclass(frozen=True)
class Answers:
    """Finds the answer for a frame: from the network, the way back, or both."""

    segmenter: VideoSegmenter
    object_ids: Sequence[int]
    want_prob: bool = False
    want_soft: bool = False
    backward: Backward | None = None

    def __call__(
        self, frame: Frame, mask: np.ndarray | None, absent: Collection[int] = ()
    ) -> Callable[[], Prediction]:
        """Segment a frame, see `VideoSegmenter.step`; what remains to be done may be done on
        another thread."""
        backward = self.backward if self.backward and self.backward.holds(frame.index) else None
        if mask is None and not self.segmenter.object_ids:
            if backward is not None:
                return partial(backward.read, frame.index)
            return partial(self._nothing, frame)
        labels, prob, soft = self.segmenter.step(
            frame.image,
            mask,
            absent=absent,
            want_prob=self.want_prob,
            want_soft=self.want_soft or backward is not None,
        )
        answer = Prediction(labels, self._of_all_objects(prob), self._of_all_objects(soft))
        if backward is not None:
            return partial(backward.join, frame.index, answer, mask)
        return lambda: answer

    def _of_all_objects(self, known: np.ndarray | None) -> np.ndarray | None:
        """One channel for every object of the video, also before it appears."""
        if known is None or self.segmenter.object_ids == tuple(self.object_ids):
            return known
        every = np.zeros((len(self.object_ids) + 1, *known.shape[1:]), known.dtype)
        every[[0, *(1 + self.object_ids.index(i) for i in self.segmenter.object_ids)]] = known
        return every

    def _nothing(self, frame: Frame) -> Prediction:
        """The answer without any object."""
        shape = frame.image.shape[:2]
        prob = soft = None
        if self.want_prob:
            prob = np.zeros((len(self.object_ids) + 1, *shape), np.float32)
            prob[0] = 1
        if self.want_soft:
            soft = np.zeros((len(self.object_ids) + 1, *shape), np.uint8)
            soft[0] = 255
        return Prediction(np.zeros(shape, np.uint8), prob, soft)
