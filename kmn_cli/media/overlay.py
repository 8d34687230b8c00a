"""Masks drawn over frames."""

from __future__ import annotations

import cv2
import numpy as np

from kmn_cli.media.palette import palette_array

COLOUR = 0.6  # share of an object's colour over the image
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def draw_overlay(image: np.ndarray, labels: np.ndarray, palette: bytes | None = None) -> np.ndarray:
    """Return the frame with each object in its colour and a dark contour of one pixel.

    Args:
        image: (H, W, 3) uint8 RGB; left as it is.
        labels: (H, W) uint8 ids, 0 the background.
        palette: 768 bytes RGB; None is the VOC palette.
    """
    result = image.copy()
    left, top, width, height = cv2.boundingRect(labels)
    if not width:
        return result
    box = (slice(top, top + height), slice(left, left + width))
    inside = labels[box]
    colours = cv2.applyColorMap(inside, palette_array(palette)[:, None])
    blended = cv2.addWeighted(colours, COLOUR, image[box], 1 - COLOUR, 0)
    # The border of the box is cut from the whole frame, lest its edge look like a contour's end.
    flat = cv2.compare(labels, cv2.erode(labels, _CROSS), cv2.CMP_EQ)[box]
    cv2.copyTo(cv2.copyTo(blended, flat), inside, result[box])  # black where it is not flat
    return result
