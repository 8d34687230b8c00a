"""Whether a frame and its mask can be segmented."""

from __future__ import annotations

import numpy as np

from kmn_cli.errors import InputError


def check_frame(frame: np.ndarray, index: int, size: tuple[int, int]) -> None:
    """Refuse a frame that is not (H, W, 3) uint8 of the video's size.

    Args:
        index: of the frame.
        size: height and width of the frames before.

    Raises:
        InputError: saying what it is instead.
    """
    height, width = frame.shape[:2]
    if frame.dtype != np.uint8:  # a picture in 0-1 would be taken for black
        raise InputError(
            f"Frame {index} holds {frame.dtype}.",
            "Pass RGB as uint8; of floats in 0-1: (frame * 255).round().astype(np.uint8).",
        )
    if (height, width) != size:
        raise InputError(
            f"Frame {index} is {width}x{height}, the first one was {size[1]}x{size[0]}.",
            "Use one VideoSegmenter for each video.",
        )


def check_mask(mask: np.ndarray, size: tuple[int, int]) -> None:
    """Refuse a mask that is not (H, W) of the frames' size, or holds nothing.

    Raises:
        InputError: saying what it is instead.
    """
    if mask.shape != size:
        raise InputError(
            f"The mask is {mask.shape[1]}x{mask.shape[0]}, the frame {size[1]}x{size[0]}.",
            "Both must have the same size.",
        )
    if not mask.any():
        raise InputError("The mask is empty.", "Mark at least one object in it.")
