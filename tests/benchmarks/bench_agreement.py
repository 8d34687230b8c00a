"""Do the fast forms find the same objects? Labels of a real clip against the plain baseline's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.media.labels import read_mask
from kmn_cli.media.video import open_video
from kmn_cli.model import load_checkpoint
from tests.benchmarks.plain import PlainSegmenter

EXAMPLES = Path(__file__).parents[2] / "examples"


def measure(size: int, precisions: Sequence[str]) -> list[dict[str, float | str]]:
    """Share of equal pixels over the demo clip's frames after the first, and in the worst one."""
    model = load_checkpoint().model
    mask = read_mask(EXAMPLES / "bunny.png").labels
    plain = PlainSegmenter(model, size, frames=100, every=5)
    fast = {
        precision: VideoSegmenter(
            ready_for_inference(model, precision=precision),
            SegmentOptions(size=size, max_memory_frames=0),
        )
        for precision in precisions
    }
    shares: dict[str, list[float]] = {precision: [] for precision in precisions}
    given: np.ndarray | None = mask
    with open_video(EXAMPLES / "bunny.mp4") as reader:
        for frame in reader:
            expected = plain.step(frame.image, given)
            for precision, segmenter in fast.items():
                labels = segmenter.step(frame.image, given).labels
                shares[precision].append(float(np.mean(labels == expected)))
            given = None
    return [
        {
            "precision": precision,
            "size": size,
            "frames": len(found),
            "equal": float(np.mean(found[1:])),
            "worst_frame": min(found[1:]),
        }
        for precision, found in shares.items()
    ]
