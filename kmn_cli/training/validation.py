"""Scores during training: J and F on named sequences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from kmn_cli.data.scan import Pair, read_pair, scan_videos
from kmn_cli.data.targets import read_targets, way_of_video
from kmn_cli.errors import InputError, UsageError
from kmn_cli.evaluation.davis import score_masks
from kmn_cli.inference.network import Network
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.model import KMN


def validator(
    specification: str, size: int, frames: int, device: torch.device
) -> Callable[[KMN], dict[str, float]]:
    """A function that scores a network on `ROOT:seq,seq`.

    Args:
        specification: a DAVIS-like root and the sequences to score.
        size: short side that the network sees, in pixels.
        frames: of each sequence, from its start; 0 for all.
        device: to run on.

    Returns:
        A function from a network to mean J&F, J and F (0 to 1), and J&F of each sequence.

    Raises:
        UsageError: the specification has another form.
        InputError: a sequence is missing, or its first mask is empty.
    """
    root, colon, names = specification.rpartition(":")
    if not colon or not root or not names:
        raise UsageError(f"--val {specification!r} has another form.", "Write ROOT:seq,seq.")
    clips = [clip[: frames or None] for clip in scan_videos(Path(root), names.split(",")).clips]
    for clip in clips:
        if len(clip) < 3:
            raise UsageError("Fewer than three frames cannot be scored.", "Raise --val-frames.")
        if not read_targets(clip[0].mask).any():
            raise InputError(f"{clip[0].mask}: empty.", "The first mask must show the object.")

    def validate(model: KMN) -> dict[str, float]:
        ready = ready_for_inference(model, device)
        scores = [_score(ready, clip, size) for clip in clips]
        j, f = (sum(values) / len(values) for values in zip(*scores, strict=True))
        means = {"J&F": (j + f) / 2, "J": j, "F": f}
        names = [clip[0].image.parent.name for clip in clips]
        return means | {name: sum(both) / 2 for name, both in zip(names, scores, strict=True)}

    return validate


def scored_on(specification: str, size: int, frames: int) -> str:
    """What `validator` of the same arguments scores on, for people and to be compared."""
    root, _, names = specification.rpartition(":")
    videos = ",".join(sorted(names.split(",")))
    return f"{Path(root).resolve().name}:{videos}, {frames or 'all'} frames at {size}"


def _score(network: Network, clip: list[Pair], size: int) -> tuple[float, float]:
    options = SegmentOptions(size=size, max_memory_frames=0, sigma=network.config.sigma)
    segmenter = VideoSegmenter(network, options)
    truth: list[np.ndarray] = []
    predicted: list[np.ndarray] = []
    way = way_of_video([pair.mask for pair in clip])
    for pair in clip:
        frame = read_pair(pair, way)
        first = frame[..., 3] if not truth else None
        predicted.append(segmenter.step(frame[..., :3], first).labels)
        truth.append(frame[..., 3])
    score = score_masks(predicted, truth, segmenter.object_ids)
    return score.j_mean, score.f_mean
