"""Mask files for the tests of scoring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

Labels = np.ndarray


def save(path: Path, labels: Labels, mode: str = "P") -> None:
    """Write a mask file as it is, without any of the program's own checks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels.astype(np.uint8), "L" if mode == "L" else "P")
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
    elif mode != "L":
        image = Image.fromarray(labels.astype(np.uint8), "L").convert(mode)
    image.save(path)


def moving(frames: int, ids: tuple[int, ...] = (1,), shift: int = 0) -> list[Labels]:
    """Squares that walk to the right, one an id, 48 x 64."""
    clip = []
    for t in range(frames):
        labels = np.zeros((48, 64), np.uint8)
        for n, object_id in enumerate(ids):
            x = 3 + 2 * t + shift
            labels[4 + 15 * n : 14 + 15 * n, x : x + 12] = object_id
        clip.append(labels)
    return clip
