"""Colours of object ids."""

from __future__ import annotations

from functools import cache

import numpy as np


@cache
def voc_palette() -> np.ndarray:
    """Return the PASCAL VOC colours of the ids 0..255: (256, 3) uint8 RGB, read-only.

    Bit 3j + c of the id is bit 7 - j of channel c.
    """
    ids = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            palette[:, channel] |= (((ids >> channel) & 1) << (7 - bit)).astype(np.uint8)
        ids >>= 3
    palette.setflags(write=False)
    return palette


def palette_array(palette: bytes | None) -> np.ndarray:
    """Return a palette's colours as (256, 3) uint8 RGB; None is the VOC palette."""
    return voc_palette() if palette is None else np.frombuffer(palette, np.uint8).reshape(256, 3)
