"""Targets that nothing but matching can find again: arbitrary smooth regions of a picture."""

from __future__ import annotations

import math

import cv2
import numpy as np

SIDE = 96  # of the map that is stretched over the picture
AREAS = (0.01, 0.25)  # share of the picture
CELLS = (3, 9)  # of the noise along a side


def draw_region(rng: np.random.Generator) -> np.ndarray:
    """One connected region with a smooth outline, (SIDE, SIDE) bool, to stretch over a picture.

    It is one of the hills of smooth noise, cut off at a random level.
    """
    cells = rng.integers(*CELLS)
    coarse = rng.random((cells, cells), np.float32)
    noise = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    share = math.exp(rng.uniform(*np.log(AREAS)))
    # As much again is left to the other hills.
    above = noise > np.quantile(noise, 1 - 2 * share)
    _, hills = cv2.connectedComponents(above.astype(np.uint8))
    return hills == rng.choice(hills[above])
