"""A mask of two objects, and files of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def two_objects() -> np.ndarray:
    labels = np.zeros((60, 80), np.uint8)
    labels[10:30, 10:40] = 2
    labels[25:50, 45:70] = 1
    return labels


def save(folder: Path, image: Image.Image | np.ndarray, name: str = "mask.png") -> Path:
    path = folder / name
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(path)
    return path
