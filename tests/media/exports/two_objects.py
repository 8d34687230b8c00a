"""Masks of the clip whose square moves."""

from __future__ import annotations

import numpy as np
from made_clips import square_labels


def two_objects(index: int) -> np.ndarray:
    """The square as object 1, and a still bar with a hole as object 3; none in the last frame."""
    labels = square_labels(index)
    labels[40:46, 8:56] = 3
    labels[42:44, 20:30] = 0
    return labels if index < 9 else np.zeros_like(labels)
