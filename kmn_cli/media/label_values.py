"""The few flat values that a label picture is made of, also where its edges were smoothed.

A mask is made of flat areas. Values that fill a 3x3 square somewhere are its true colours. A value
that never does, and lies between two true colours that meet there, was blended by a smoothed edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SMALL_ID = 20  # greys up to here are ids: nobody paints with a grey that cannot be seen
MANY = 64  # more different values than this are either smoothed edges or a photograph
TOLERANCE = 24  # largest distance at which two colours of a smoothed mask are taken for one


class NotAMaskError(ValueError):
    """The values are not those of a mask; the text says what was seen."""


@dataclass(frozen=True)
class FlatValues:
    """The few values of a mask.

    Attributes:
        codes: (N,) int32, sorted: indices, greys, or colours as `encode` packs them.
        index: (H, W), each pixel's place in `codes`.
        is_grey: whether codes are greys or indices.
        are_ids: whether they number the objects as they are.
        changed: pixels of blended values, which were given to the nearest flat one.
    """

    codes: np.ndarray
    index: np.ndarray
    is_grey: bool
    are_ids: bool
    changed: int = 0


def flatten(values: np.ndarray, *, indices: bool = False) -> FlatValues:
    """Find the flat values of a picture; those of smoothed edges go to the nearest of them.

    Args:
        values: (H, W) or (H, W, 3) uint8.
        indices: whether they are palette indices, hence ids, and not greys.

    Raises:
        NotAMaskError: for a photograph.
    """
    is_grey = values.ndim == 2 or bool((values == values[..., :1]).all())
    if is_grey and values.ndim == 3:
        values = np.ascontiguousarray(values[..., 0])
    codes = values if is_grey else encode(values)
    colours, inverse, counts = _counted(codes)
    core = _core(codes)
    core_counts = np.bincount(inverse[core], minlength=len(colours))
    flat = core_counts > 0
    are_ids = indices or (is_grey and number_objects(colours, flat))
    tolerance = 0 if are_ids else TOLERANCE

    crowded = len(colours) > MANY and flat.mean() < 0.5
    if are_ids and len(colours) > MANY:
        every = np.arange(len(colours))
        _refuse_photograph(counts, core_counts, every, every != counts.argmax())
    noisy = _noisy(colours, flat, tolerance)
    if not (crowded or (noisy | _blended(codes, inverse, core, flat)).any()):
        return FlatValues(colours, inverse, is_grey, are_ids)
    kept = _dominant(colours, counts, core_counts, tolerance)
    nearest, distance = _nearest(colours, kept)
    _refuse_photograph(counts, core_counts, nearest, distance > tolerance)
    changed = int(counts[~kept].sum())
    if changed > 0.4 * codes.size:
        raise NotAMaskError(f"{changed} of its {codes.size} pixels are in no flat colour")
    place = np.cumsum(kept) - 1
    return FlatValues(colours[kept], place[nearest][inverse], is_grey, are_ids, changed)


def _counted(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values (N,) int32, sorted, each pixel's place among them, and their counts."""
    if codes.dtype != np.uint8:
        colours, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
        return colours, inverse.reshape(codes.shape), counts
    counts = np.bincount(codes.ravel(), minlength=256)  # many times faster than sorting
    colours = np.flatnonzero(counts)
    place = np.zeros(256, np.intp)
    place[colours] = np.arange(len(colours))
    return colours.astype(np.int32), place[codes], counts[colours]


def encode(values: np.ndarray) -> np.ndarray:
    """Pack colours (..., 3) uint8 into one int32 each."""
    red, green, blue = (values[..., c].astype(np.int32) for c in range(3))
    return (red << 16) | (green << 8) | blue


def decode(codes: np.ndarray) -> np.ndarray:
    """Unpack codes (...) into channels (..., 3) int32; for greys only the last differs."""
    return np.stack([codes >> 16, (codes >> 8) & 255, codes & 255], axis=-1)


def _core(codes: np.ndarray) -> np.ndarray:
    """Return (H, W) bool: the pixels whose 3x3 neighbourhood has one value."""
    # Codes are below 2**24, which float32 holds exactly.
    exact = codes if codes.dtype == np.uint8 else codes.astype(np.float32)
    square = np.ones((3, 3), np.uint8)
    same = cv2.erode(exact, square) == cv2.dilate(exact, square)
    return np.asarray(same)


def _refuse_photograph(
    counts: np.ndarray, core_counts: np.ndarray, nearest: np.ndarray, far: np.ndarray
) -> None:
    """Refuse a picture that is hardly flat but for its commonest colour, nor near flat colours.

    The limits part photographs, also of things on white, from masks that were scaled, smoothed or
    stored as JPEG.
    """
    rest = far | (nearest != np.bincount(nearest, counts).argmax())
    hardly_flat = core_counts[rest].sum() < 0.3 * counts[rest].sum()
    if hardly_flat and counts[far].sum() > 0.04 * counts.sum():
        raise NotAMaskError(f"it has {len(counts)} different colours and few flat areas")


def _noisy(colours: np.ndarray, flat: np.ndarray, tolerance: int) -> np.ndarray:
    """Return, for each colour, whether it is a stray next to a flat one, as lossy files have."""
    if tolerance == 0 or flat.all() or not flat.any():
        return np.zeros(len(colours), bool)
    return ~flat & (_nearest(colours, flat)[1] <= tolerance)


def _blended(
    codes: np.ndarray, inverse: np.ndarray, core: np.ndarray, flat: np.ndarray
) -> np.ndarray:
    """Return, for each colour, whether most of its pixels blend two flat colours that meet."""
    suspect = ~flat
    pixels = suspect[inverse]
    if not pixels.any():
        return suspect
    exact = codes.astype(np.float32)
    window = np.ones((7, 7), np.uint8)
    low = cv2.erode(np.where(core, exact, np.float32(2**24)), window)[pixels]
    high = cv2.dilate(np.where(core, exact, np.float32(-1)), window)[pixels]
    meeting = (high > low) & (high >= 0)
    ends = decode(np.stack([low, high]).astype(np.int32))
    here = decode(codes[pixels].astype(np.int32))
    slack = 0 if codes.max() <= 255 else 8
    between = (here >= ends.min(0) - slack) & (here <= ends.max(0) + slack)
    votes = np.bincount(inverse[pixels], meeting & between.all(-1), minlength=len(flat))
    totals = np.bincount(inverse[pixels], minlength=len(flat))
    return np.asarray(suspect & (votes > 0.5 * totals))


def _dominant(
    colours: np.ndarray, counts: np.ndarray, core_counts: np.ndarray, tolerance: int
) -> np.ndarray:
    """Return (N,) bool: flat colours, without those close to a flatter one."""
    kept = np.zeros(len(colours), bool)
    channels = decode(colours)
    for i in np.argsort(-core_counts, kind="stable"):
        if core_counts[i] == 0:
            break
        close = np.abs(channels - channels[i]).max(axis=1) <= tolerance
        # The top of a blurred edge is flat by chance: a true colour is flat in a good part.
        is_true = core_counts[close].sum() >= 0.05 * counts[close].sum()
        kept[i] = is_true and not kept[close].any()
    return kept


def _nearest(colours: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each colour, the index of the nearest kept one and its largest difference."""
    if not kept.any():
        raise NotAMaskError(f"it has {len(colours)} different colours and no flat area")
    channels = decode(colours).astype(np.float32)
    targets = np.flatnonzero(kept)
    best = np.empty(len(colours), np.intp)
    for start in range(0, len(colours), 1024):  # bounded memory for many blended colours
        gap = channels[start : start + 1024, None] - channels[targets][None]
        best[start : start + 1024] = targets[(gap**2).sum(-1).argmin(1)]
    return best, np.abs(channels - channels[best]).max(-1)


def number_objects(greys: np.ndarray, flat: np.ndarray) -> bool:
    """Tell whether greys number the objects: all small, or without gaps; 255 may be void.

    Args:
        greys: (N,) those of a mask, sorted.
        flat: (N,) bool, which of them are flat somewhere.
    """
    inside = (greys > 0) & (greys < 255)
    if not inside.any():
        return False
    dense = greys[inside].max() <= 2 * inside.sum() and flat[inside].mean() > 0.9
    return bool(dense or greys[inside].max() <= SMALL_ID)
