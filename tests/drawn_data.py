"""Small data sets of drawn objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def draw_disc(size: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    """A mask (H, W) bool."""
    y, x = np.mgrid[: size[0], : size[1]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def draw_frame(mask: np.ndarray, seed: int) -> np.ndarray:
    """A noisy blue-green picture with a reddish object, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, (*mask.shape, 3)) + (20, 90, 110)
    image[mask] = rng.integers(0, 60, (int(mask.sum()), 3)) + (190, 60, 20)
    return image.astype(np.uint8)


def write_stills(root: Path, count: int, size: tuple[int, int] = (64, 80)) -> Path:
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for n in range(count):
        mask = draw_disc(size, (32, 30 + 3 * n), 14 + n)
        Image.fromarray(draw_frame(mask, n)).save(root / "images" / f"{n}.png")
        Image.fromarray(mask).save(root / "masks" / f"{n}.png")
    return root


def write_videos(root: Path, count: int, frames: int, level: str = "") -> Path:
    """Videos v0, v1, … in root/JPEGImages/level and root/Annotations/level."""
    size = (64, 80)
    for n in range(count):
        images, masks = (root / name / level / f"v{n}" for name in ("JPEGImages", "Annotations"))
        images.mkdir(parents=True)
        masks.mkdir(parents=True)
        for t in range(frames):
            mask = draw_disc(size, (20 + n + 2 * t, 20 + 4 * t), 12)
            Image.fromarray(draw_frame(mask, 50 * n + t)).save(images / f"{t:05d}.png")
            Image.fromarray(mask).save(masks / f"{t:05d}.png")
    return root
