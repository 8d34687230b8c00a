"""Masks as polygons: the outline of an object as one closed line.

An object with holes and several parts has one outline when its lines are joined by bridges that
go there and back. Inside the object a bridge is not seen; between parts it is one pixel wide.
"""

from __future__ import annotations

import cv2
import numpy as np


def outline(mask: np.ndarray) -> np.ndarray:
    """Return one polygon (N, 2) int32 of pixels x, y that cv2.fillPoly turns into the mask.

    Args:
        mask: (H, W), nonzero inside; not empty.
    """
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings = sorted((ring[:, 0] for ring in found), key=len, reverse=True)
    line = rings[0]
    waiting = rings[1:]
    # Prim's algorithm: always join the ring that is nearest to the line so far.
    near = [_nearest(line, ring) for ring in waiting]
    while waiting:
        best = min(range(len(waiting)), key=lambda i: near[i][2])
        ring = waiting.pop(best)
        here, there, _ = near.pop(best)
        at = int(np.flatnonzero((line == here).all(1))[0])
        start = int(np.flatnonzero((ring == there).all(1))[0])
        turned = np.roll(ring, -start, axis=0)
        line = np.concatenate([line[: at + 1], turned, turned[:1], line[at:]])
        for i, other in enumerate(waiting):
            candidate = _nearest(ring, other)
            if candidate[2] < near[i][2]:
                near[i] = candidate
    return line


def _nearest(line: np.ndarray, ring: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the nearest points of two lines and their squared distance."""
    best = (line[0], ring[0], float("inf"))
    for start in range(0, len(line), 1024):  # bounded memory for long lines
        part = line[start : start + 1024].astype(np.float32)
        gap = ((part[:, None] - ring[None].astype(np.float32)) ** 2).sum(-1)
        i, j = np.unravel_index(gap.argmin(), gap.shape)
        if gap[i, j] < best[2]:
            best = (line[start + i], ring[j], float(gap[i, j]))
    return best
