"""Do the fast forms find the same objects? Labels of a real clip against the plain baseline's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.media.masks import read_mask
from kmn_cli.media.video import open_video
from kmn_cli.model import load_checkpoint
from tests.benchmarks.plain import PlainSegmenter

EXAMPLES = Path(__file__).parents[2] / "examples"


def measure(size: int, precision: str) -> dict[str, float | str]:
    """Share of equal pixels over the demo clip's frames after the first, and of the worst one."""
    model = load_checkpoint().model
    mask = read_mask(EXAMPLES / "bunny.png").labels
    plain = PlainSegmenter(model, size, frames=100, every=5)
    options = SegmentOptions(size=size, max_memory_frames=0, precision=precision)
    fast = VideoSegmenter(model, options)
    shares: list[float] = []
    with open_video(EXAMPLES / "bunny.mp4") as reader:
        for frame in reader:
            given = None if shares else mask
            labels = fast.step(frame.image, given).labels
            shares.append(float(np.mean(labels == plain.step(frame.image, given))))
    return {
        "precision": precision,
        "size": size,
        "frames": len(shares),
        "equal": float(np.mean(shares[1:])),
        "worst_frame": float(np.min(shares[1:])),
    }
