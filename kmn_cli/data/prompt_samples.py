"""What a prompt head learns from: an object in its surroundings, and what a person says of it."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from torch import Tensor

from kmn_cli.model.prompt_head import guidance

SMALLEST = 0.002  # of a picture, that an object is learned from
ONE_PART = 0.85  # of the object, at the least: else a click means a part of it
WHOLE = 0.25  # share of samples that show all of the picture
CLOSEST, WIDEST = 1.1, 4.0  # side of the others, in long sides of the object
BOX, BOTH = 0.45, 0.2  # share of prompts that are a box, and a box with clicks; else clicks
LOOSE = 0.03  # deviation of a box's sides, in those of the object
BEYOND = -1  # in the truth, where the picture has ended


def draw_crop(
    pair: np.ndarray, side: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor] | None:
    """A window around an object of a picture, scaled into a square.

    Args:
        pair: (H, W, 4) uint8: RGB and ids.
        side: of the square, in pixels.

    Returns:
        Picture (3, side, side) in [0, 1] and truth (side, side) int8: 1 the object, 0 not, BEYOND;
        None where there is no object that is large enough and in one part.
    """
    height, width = pair.shape[:2]
    counts = np.bincount(pair[..., 3].ravel(), minlength=256)[1:255]
    ids = np.flatnonzero(counts > SMALLEST * height * width) + 1
    if not len(ids):
        return None
    mask = (pair[..., 3] == rng.choice(ids)).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    if stats[1:, cv2.CC_STAT_AREA].max() < ONE_PART * mask.sum():
        return None
    rows, columns = _window(mask, rng)
    part = np.ascontiguousarray(pair[rows, columns, :3])
    shown = mask[rows, columns].astype(np.float32)
    scale = side / max(shown.shape)
    if rng.random() < 0.5:  # a picture that is not square fills less
        scale *= rng.uniform(0.75, 1)
    size = max(1, round(shown.shape[1] * scale)), max(1, round(shown.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.92, 1.08, 3)
    picture = np.zeros((side, side, 3), np.float32)
    picture[: size[1], : size[0]] = cv2.resize(part, size, interpolation=how) * (gain / 255)
    truth = np.full((side, side), BEYOND, np.int8)
    truth[: size[1], : size[0]] = cv2.resize(shown, size, interpolation=how) > 0.5
    if rng.random() < 0.5:
        picture, truth = picture[:, ::-1], truth[:, ::-1]
    if not (truth == 1).any():
        return None
    tensor = torch.from_numpy(picture.transpose(2, 0, 1).copy()).clamp_(0, 1)
    return tensor, torch.from_numpy(truth.copy())


def _window(mask: np.ndarray, rng: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns that hold the object of a mask (H, W) uint8."""
    if rng.random() < WHOLE:
        return slice(None), slice(None)
    x, y, across, down = cv2.boundingRect(mask)
    side = max(across, down) * math.exp(rng.uniform(math.log(CLOSEST), math.log(WIDEST)))
    shape = math.exp(rng.normal(0, 0.2))
    spans = []
    for first, length, wanted in ((y, down, side / shape), (x, across, side * shape)):
        wanted = max(wanted, 1.05 * length)
        start = first + length - wanted + rng.random() * (wanted - length)
        spans.append(slice(max(0, int(start)), math.ceil(start + wanted)))
    return spans[0], spans[1]


def draw_prompts(mask: np.ndarray, rng: np.random.Generator) -> Tensor:
    """What a person might say about a mask (H, W) uint8, as `guidance` has it."""
    kind = rng.random()
    box = _loose_box(mask, rng) if kind < BOX + BOTH else None
    inside: list[tuple[float, float]] = []
    outside: list[tuple[float, float]] = []
    if kind >= BOX:
        inside = _places(mask, 1 if rng.random() < 0.65 else int(rng.integers(2, 4)), rng)
        if rng.random() < 0.3:
            near = cv2.dilate(mask, np.ones((25, 25), np.uint8)) - mask
            outside = _places(near if near.any() else 1 - mask, int(rng.integers(1, 3)), rng)
    height, width = mask.shape
    return guidance(height, width, box, inside, outside)


def _loose_box(mask: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float, float]:
    x, y, across, down = cv2.boundingRect(mask)
    left, top, right, bottom = rng.normal(0, LOOSE, 4) * (across, down, across, down)
    return x + left, y + top, max(2, across + right - left), max(2, down + bottom - top)


def _places(mask: np.ndarray, count: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Points well inside of a mask (H, W) uint8."""
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    places = np.argwhere((depth > 0) & (depth >= 0.3 * depth.max()))
    if not len(places):
        return []
    return [(float(x), float(y)) for y, x in places[rng.integers(len(places), size=count)]]
