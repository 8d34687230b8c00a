"""Frames of noise, boxes as masks, and a run over them."""

from __future__ import annotations

import numpy as np

from kmn_cli.inference.network import Network
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter


def video(frames: int, height: int = 48, width: int = 64, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(frames)]


def boxes(*ids: int, height: int = 48, width: int = 64) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    for n, object_id in enumerate(ids):
        mask[8 + 12 * n : 18 + 12 * n, 10:40] = object_id
    return mask


def run(network: Network, frames: list[np.ndarray], mask: np.ndarray, **options: object):
    segmenter = VideoSegmenter(network, SegmentOptions(**options))
    return [
        segmenter.step(frame, None if n else mask, want_prob=True) for n, frame in enumerate(frames)
    ]
