"""Does a frame cost as much at the end of a long video as near its start?"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.model import KMN, KMNConfig
from kmn_cli.platforms import resident_peak
from tests.benchmarks.picture import picture_and_mask


def measure(frames: int = 2000, size: tuple[int, int] = (240, 432)) -> dict[str, float]:
    """Median seconds of frames 200 to 300 and of the last 100, with the default memory.

    The network is a narrow one, so that the memory, which might grow, has the largest share.
    """
    torch.manual_seed(0)
    segmenter = VideoSegmenter(ready_for_inference(KMN(KMNConfig.tiny()).eval(), precision="fp32"))
    picture, mask = picture_and_mask(size, 2)
    seconds: list[float] = []
    for n in range(frames):
        frame = np.roll(picture, n, axis=1)
        if n == 300:
            peak = resident_peak()
        start = time.perf_counter()
        segmenter.step(frame, None if n else mask)
        seconds.append(time.perf_counter() - start)
    early, late = statistics.median(seconds[200:300]), statistics.median(seconds[-100:])
    return {
        "frames": frames,
        "early_seconds": early,
        "late_seconds": late,
        "late_to_early": late / early,
        "dropped_memory_frames": segmenter.dropped_frames,
        "grown_mib": (resident_peak() - peak) / 2**20,
    }
