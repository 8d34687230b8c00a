"""Chance: where a crop lies, how far its frames are warped, and in which colours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

MEAN_COLOUR = (0.485, 0.456, 0.406)


@dataclass(frozen=True)
class WarpRange:
    """How far frames of a clip may differ.

    Attributes:
        rotation: degrees, either way.
        shear: degrees, either way.
        scale: smallest and largest factor.
        shift: of the crop, as a share of its side, either way.
    """

    rotation: float
    shear: float
    scale: tuple[float, float]
    shift: float

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """A 3x3 matrix about the origin, lengths in units of the crop's side."""
        angle, shear = np.radians(rng.uniform(-1, 1, 2) * (self.rotation, self.shear))
        scale = math.exp(rng.uniform(*np.log(self.scale)))
        shift = rng.uniform(-self.shift, self.shift, 2)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.eye(3)
        matrix[:2, :2] = scale * rotation @ [[1, np.tan(shear)], [0, 1]]
        matrix[:2, 2] = shift
        return matrix


def place(
    size: tuple[int, int], anchor: tuple[float, float], zoom: float, flip: bool
) -> np.ndarray:
    """The 3x3 matrix from source pixels to crop units: `anchor` (x, y) becomes the origin.

    A pixel's centre is at half a pixel: a frame reaches from 0 to its width.

    Args:
        size: height and width of the source in pixels.
        anchor: the source pixel in the middle of the crop.
        zoom: crops per short side: 1 makes the short side as long as the crop.
        flip: mirror left and right.
    """
    scale = zoom / min(size)
    return np.array(
        [
            [-scale if flip else scale, 0, anchor[0] * scale * (1 if flip else -1)],
            [0, scale, -anchor[1] * scale],
            [0, 0, 1],
        ]
    )


def draw_jitter(strength: float, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Factors of brightness, contrast and saturation, (frames, 3)."""
    return 1 + strength * rng.uniform(-1, 1, (frames, 3))


def jitter_colours(images: Tensor, factors: Tensor) -> Tensor:
    """Images (..., 3, H, W) in [0, 1], each changed by its factors (..., 3) of `draw_jitter`."""
    brightness, contrast, saturation = factors.to(images)[..., None, None, None].unbind(-4)
    images = images * brightness
    mean = images.mean((-3, -2, -1), keepdim=True)
    images = mean + (images - mean) * contrast
    grey = images.mean(-3, keepdim=True)
    return (grey + (images - grey) * saturation).clamp(0, 1)
