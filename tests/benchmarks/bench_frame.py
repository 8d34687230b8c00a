"""Whole frames, from the picture to the labels: kmn against the plain baseline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.model import KMN, KMNConfig
from tests.benchmarks.clock import medians
from tests.benchmarks.plain import PlainSegmenter

SIZES = {"480p": (480, 854), "1080p": (1080, 1920)}


def picture_and_mask(size: tuple[int, int], objects: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise, with a column for each object."""
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    columns = np.arange(size[1]) * (objects + 1) // size[1]
    return frame, np.broadcast_to(columns.astype(np.uint8), size).copy()


def network(trunk: str = "resnet50") -> KMN:
    """Random weights; speed does not depend on them, but denormals would be slow."""
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    return KMN(KMNConfig(trunk=trunk)).eval().requires_grad_(False)


def fast_step(model: KMN, frames: int, size: str, objects: int) -> Callable[[], object]:
    """A step of the segmenter whose memory holds `frames` frames."""
    picture, mask = picture_and_mask(SIZES[size], objects)
    options = SegmentOptions(size=0, memory_every=1, max_memory_frames=frames + 1, precision="fp32")
    segmenter = VideoSegmenter(model, options)
    segmenter.step(picture, mask)
    segmenter.step(picture)
    [group] = segmenter._groups
    key, value = (part.clone() for part in group.bank.read())
    with torch.inference_mode():
        for frame in range(1, frames):
            group.bank.add(frame, key, value)
    return lambda: segmenter.step(picture)


def plain_step(model: KMN, frames: int, size: str, objects: int) -> Callable[[], object]:
    """The same of the baseline."""
    picture, mask = picture_and_mask(SIZES[size], objects)
    segmenter = PlainSegmenter(model, 0, frames)
    segmenter.step(picture, mask)
    segmenter.step(picture)
    segmenter.bank *= frames
    return lambda: segmenter.step(picture)


def measure(objects: int, frames: int, size: str, repeats: int) -> dict[str, float | str]:
    """Seconds a frame of both, and their ratio."""
    model = network()
    steps = [step(model, frames, size, objects) for step in (fast_step, plain_step)]
    fast, plain = medians(steps, repeats)
    return {
        "size": size,
        "objects": objects,
        "frames": frames,
        "fast_seconds": fast,
        "plain_seconds": plain,
        "ratio": fast / plain,
    }
