"""One random affine warp for image and mask, and colour jitter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

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


def warp(frame: Tensor, matrix: np.ndarray, crop: int) -> Tensor:
    """Cuts a square out of a frame.

    Args:
        frame: (H, W, 4) uint8, RGB and object id.
        matrix: 3x3, source pixels to crop units with the origin in the crop's centre.
        crop: side of the square in pixels.

    Returns:
        (4, crop, crop) float32: RGB in [0, 1], bilinear, mean colour outside the frame; object
        id, nearest, 0 outside.
    """
    height, width = frame.shape[:2]
    # grid_sample runs from -1 to 1 on both sides of the mapping.
    to_crop = np.diag([0.5, 0.5, 1.0])
    to_source = np.array([[2 / width, 0, -1], [0, 2 / height, -1], [0, 0, 1]])
    theta = torch.from_numpy((to_source @ np.linalg.inv(matrix) @ to_crop)[:2]).float()[None]
    grid = functional.affine_grid(theta.to(frame.device), [1, 4, crop, crop], align_corners=False)
    planes = frame.permute(2, 0, 1)[None].float()
    image, labels = planes[:, :3] / 255, planes[:, 3:]
    scale = crop * math.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    if scale < 1:
        # The sampling below reads four pixels: what is to shrink is averaged first.
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        image = functional.interpolate(image, size, mode="bilinear", antialias=True)
    mean = torch.tensor(MEAN_COLOUR, device=frame.device).view(1, 3, 1, 1)
    image = functional.grid_sample(image - mean, grid, align_corners=False) + mean
    labels = functional.grid_sample(labels, grid, mode="nearest", align_corners=False)
    return torch.cat([image, labels], 1)[0]


def jitter_colours(images: Tensor, strength: float, rng: np.random.Generator) -> Tensor:
    """Random brightness, contrast and saturation of each image (..., 3, H, W) in [0, 1]."""
    factors = 1 + strength * rng.uniform(-1, 1, (3, *images.shape[:-3], 1, 1, 1))
    brightness, contrast, saturation = torch.from_numpy(factors).to(images)
    images = images * brightness
    mean = images.mean((-3, -2, -1), keepdim=True)
    images = mean + (images - mean) * contrast
    grey = images.mean(-3, keepdim=True)
    return (grey + (images - grey) * saturation).clamp(0, 1)
