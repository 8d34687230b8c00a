"""The edges of an object from a box around it, or from points in it: GrabCut.

It parts the colours of object and background by two mixtures of Gaussians and a smallest cut.
The numbers were chosen on still images; tests/benchmarks/bench_init_mask.py measures them.
"""

from __future__ import annotations

import cv2
import numpy as np

from kmn_cli.media.prompts import Point, Prompts

ROUNDS = 3
LONG_SIDE = 320  # of the part that is looked at, in pixels: smaller loses thin parts
MARGIN = 0.4  # background looked at around a box, in its widths and heights
BLUR = 1.5  # sigma of the smoothing before distances are measured, in pixels
PIXEL = 0.5  # length of a step where the colour stays: of one unit of L*a*b* in 8 bits
SWEEPS = 40
DOT = 0.02  # radius of a point, in long sides
SPECK = 0.2  # of the largest part's area: smaller parts are dropped
HOLE = 0.02  # of the object's area: smaller holes are filled

Window = tuple[slice, slice]


def find_edges(image: np.ndarray, prompts: Prompts) -> np.ndarray:
    """Return (H, W) bool: the object that a box and points mean.

    Args:
        image: (H, W, 3) uint8 RGB.
        prompts: with a box that meets the image, or points inside.
    """
    window = _window(image.shape[:2], prompts)
    part = image[window]
    scale = min(1.0, LONG_SIDE / max(part.shape[:2]))
    width, height = (max(2, round(side * scale)) for side in part.shape[1::-1])
    small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    place = _Place(window, width / part.shape[1], height / part.shape[0])
    seeds = _seeds(small.shape[:2], prompts, place)
    guess = _guess(small, seeds, prompts, place)
    inside = _cut(small, guess)
    inside = _tidy(inside, seeds, only_seeded=prompts.box is None)
    found = np.zeros(image.shape[:2], bool)
    found[window] = cv2.resize(inside.astype(np.float32), part.shape[1::-1]) > 0.5
    return found


class _Place:
    """From pixels of the image to those of the small part."""

    def __init__(self, window: Window, scale_x: float, scale_y: float) -> None:
        self._left, self._top = window[1].start, window[0].start
        self._scale_x, self._scale_y = scale_x, scale_y

    def __call__(self, x: float, y: float) -> Point:
        return (x - self._left) * self._scale_x, (y - self._top) * self._scale_y


def _window(size: tuple[int, int], prompts: Prompts) -> Window:
    """Return the part of the image that is looked at: all of it where there is no box."""
    if prompts.box is None:
        return slice(0, size[0]), slice(0, size[1])
    x, y, width, height = prompts.box
    spans = []
    for first, length, limit, axis in ((y, height, size[0], 1), (x, width, size[1], 0)):
        edge = max(8.0, MARGIN * length)
        low, high = first - edge, first + length + edge
        for point in (*prompts.inside, *prompts.outside):
            low, high = min(low, point[axis] - 8), max(high, point[axis] + 8)
        spans.append(slice(max(0, round(low)), min(limit, max(round(high), round(low) + 2))))
    return spans[0], spans[1]


def _seeds(size: tuple[int, int], prompts: Prompts, place: _Place) -> np.ndarray:
    """Return what is certain, (H, W) uint8: GC_FGD, GC_BGD, else GC_PR_BGD."""
    seeds = np.full(size, cv2.GC_PR_BGD, np.uint8)
    if prompts.box is not None:
        x, y, width, height = prompts.box
        (left, top), (right, bottom) = place(x, y), place(x + width, y + height)
        seeds[:] = cv2.GC_BGD
        rows = slice(max(0, round(top)), max(round(bottom), round(top) + 1, 1))
        columns = slice(max(0, round(left)), max(round(right), round(left) + 1, 1))
        seeds[rows, columns] = cv2.GC_PR_BGD
    radius = max(2, round(DOT * max(size)))
    for points, value in ((prompts.inside, cv2.GC_FGD), (prompts.outside, cv2.GC_BGD)):
        for x, y in points:
            small_x, small_y = place(x, y)
            cv2.circle(seeds, (int(small_x), int(small_y)), radius, value, cv2.FILLED)
    return seeds


def _guess(small: np.ndarray, seeds: np.ndarray, prompts: Prompts, place: _Place) -> np.ndarray:
    """Return the seeds, and what may be the object as GC_PR_FGD: a box, or around the points."""
    guess = seeds.copy()
    if prompts.box is not None:
        guess[seeds == cv2.GC_PR_BGD] = cv2.GC_PR_FGD
        if not (guess == cv2.GC_BGD).any():  # the box is the picture: take its rim as background
            rim = np.ones(seeds.shape, bool)
            rim[1:-1, 1:-1] = False
            guess[rim & (seeds != cv2.GC_FGD)] = cv2.GC_BGD
        return guess
    # What is nearer to a point inside than to the border of the picture or a point outside, on
    # ways that are long where colours change.
    border = seeds == cv2.GC_BGD
    border[[0, -1]] = border[:, [0, -1]] = True
    steps = _steps(small)
    near = _distance(seeds == cv2.GC_FGD, *steps) < _distance(border, *steps)
    guess[near & (seeds == cv2.GC_PR_BGD)] = cv2.GC_PR_FGD
    return guess


def _steps(small: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths of steps to the right (H, W-1) and down (H-1, W)."""
    smooth = cv2.GaussianBlur(small, (0, 0), BLUR)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2Lab).astype(np.float64)
    right, down = (np.abs(np.diff(lab, axis=axis)).sum(2) for axis in (1, 0))
    return right + PIXEL, down + PIXEL


def _distance(sources: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return the length of the shortest way (H, W) from any source, (H, W) bool.

    Whole rows and columns are swept at once: along a line with the lengths L so far, the distance
    is L + min(D - L) over what lies before. Ways with many turns take many sweeps.
    """
    distance = np.where(sources, 0.0, 1e9)
    across = np.pad(np.cumsum(right, axis=1), ((0, 0), (1, 0)))
    along = np.pad(np.cumsum(down, axis=0), ((1, 0), (0, 0)))
    for _ in range(SWEEPS):
        before = distance
        for axis, length in ((1, across), (0, along)):
            forth = np.minimum.accumulate(distance - length, axis) + length
            back = np.flip(np.minimum.accumulate(np.flip(forth + length, axis), axis), axis)
            distance = np.minimum(forth, back - length)
        if np.allclose(before, distance):
            break
    return distance


def _cut(small: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Return (H, W) bool."""
    is_object = (guess == cv2.GC_FGD) | (guess == cv2.GC_PR_FGD)
    if is_object.all() or not is_object.any():  # nothing to part
        return is_object
    cv2.setRNGSeed(0)  # its clustering begins at random
    cut = guess.copy()
    whole, scratch = (0, 0, 0, 0), (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.grabCut(small, cut, whole, scratch[0], scratch[1], ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = (cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD)
    # Where object and background have the same colours, the cut may leave nothing.
    return found if found.sum() > 0.02 * is_object.sum() else is_object


def _tidy(inside: np.ndarray, seeds: np.ndarray, *, only_seeded: bool) -> np.ndarray:
    """Drop specks, or all parts without a point inside, and fill small holes."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8))
    keep = np.zeros(count, bool)
    if not only_seeded and count > 1:
        areas = stats[:, cv2.CC_STAT_AREA]
        keep = areas >= SPECK * areas[1:].max()
    keep[np.unique(parts[seeds == cv2.GC_FGD])] = True
    keep[0] = False
    inside = keep[parts]
    _, holes, stats, _ = cv2.connectedComponentsWithStats(
        (~inside).astype(np.uint8), connectivity=4
    )
    fill = stats[:, cv2.CC_STAT_AREA] < HOLE * inside.sum()
    fill[np.unique(holes[seeds == cv2.GC_BGD])] = False
    return inside | (fill[holes] & ~inside)
