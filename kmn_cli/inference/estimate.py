"""How long and how much memory a video will take, from a few steps of the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kmn_cli.inference.measure import peak_memory, reset_peak_memory
from kmn_cli.inference.network import Network
from kmn_cli.inference.pipeline import QUEUE_DEPTH
from kmn_cli.inference.segment_options import SegmentOptions
from kmn_cli.inference.segmenter import VideoSegmenter

FRAMES_WITHOUT_LIMIT = 20  # in memory, where no limit says how many


@dataclass(frozen=True)
class Cost:
    """Of one video size and number of objects.

    Attributes:
        first: seconds for a frame while one frame is in memory.
        full: seconds for a frame when the memory is full.
        base_bytes: memory before the first frame.
        peak_bytes: at the most, with a full memory.
    """

    first: float
    full: float
    base_bytes: int
    peak_bytes: int

    def seconds(self, frames: int, options: SegmentOptions) -> float:
        """Time in the network for a video of so many frames."""
        per_frame = (self.full - self.first) / (_most(options) * options.memory_every)
        filling = min(frames, _most(options) * options.memory_every)
        if not options.max_memory_frames:
            filling = frames  # the memory grows to the end
        last = self.first + filling * per_frame
        return filling * (self.first + last) / 2 + (frames - filling) * self.full


def measure(
    network: Network,
    options: SegmentOptions,
    frame: np.ndarray,
    labels: np.ndarray,
    *,
    want_soft: bool,
) -> Cost:
    """Times a frame (H, W, 3) uint8 with its labels (H, W) uint8, memory empty and full.

    Args:
        want_soft: whether soft maps are made, too.
    """
    segmenter = VideoSegmenter(network, options)
    reset_peak_memory(network.device)
    base = peak_memory(network.device)
    segmenter.step(frame, labels, want_soft=want_soft)
    segmenter.step(frame, want_soft=want_soft)  # warms up
    first = _time(segmenter, frame, want_soft)
    segmenter.fill_memory(_most(options))
    answer = segmenter.step(frame, want_soft=want_soft)  # is held as one that is being written
    full = _time(segmenter, frame, want_soft)
    peak = peak_memory(network.device)
    if network.device.type == "cpu":  # what waits beside the network is in the same memory
        peak += 2 * QUEUE_DEPTH * frame.nbytes
        peak += QUEUE_DEPTH * sum(part.nbytes for part in answer if part is not None)
    return Cost(first, full, base, peak)


def _most(options: SegmentOptions) -> int:
    return options.max_memory_frames or FRAMES_WITHOUT_LIMIT


def _time(segmenter: VideoSegmenter, frame: np.ndarray, want_soft: bool) -> float:
    """Seconds for one frame; `step` returns when the device is done."""
    before = sum(segmenter.seconds.values())
    segmenter.step(frame, want_soft=want_soft)
    return sum(segmenter.seconds.values()) - before
