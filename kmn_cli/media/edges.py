"""The edges of an object from what a person says: by a network, or by colours where there is none.

tests/benchmarks/bench_init_mask.py measures both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from kmn_cli.media.grabcut import find_edges
from kmn_cli.media.prompts import Box, Point, Prompts

# A picture (h, w, 3) uint8 RGB and what is said of an object in it, to the probability (h, w) of
# each pixel to be of it.
Look = Callable[[np.ndarray, Prompts], np.ndarray]

MARGIN = 0.3  # of an object's box, seen around it
LARGEST = 0.2  # of the picture: more is meant by points only where the network is SURE
SURE, MOST = 0.85, 0.6  # and no more than MOST of it
SPECK = 0.01  # of the object's area: smaller parts are dropped, and holes filled
DOT = 0.02  # radius of a point, in long sides of what was found


@dataclass(frozen=True)
class EdgeFinder:
    """Finds an object's edges.

    Attributes:
        look: the network; None is colours alone.
    """

    look: Look | None = None

    def __call__(self, image: np.ndarray, prompts: Prompts) -> np.ndarray:
        """Return (H, W) bool: the object that a box and points mean.

        Args:
            image: (H, W, 3) uint8 RGB.
            prompts: with a box that meets the image, or points inside.
        """
        if self.look is not None:
            found = _learned(image, prompts, self.look)
            if found.any():
                return found
        if prompts.box is None and len(prompts.inside) == 1 and not prompts.outside:
            return _near(image, prompts.inside[0])
        return find_edges(image, prompts)


by_colours = EdgeFinder()


def _learned(image: np.ndarray, prompts: Prompts, look: Look) -> np.ndarray:
    """Return (H, W) bool, empty where the network has not understood.

    What is meant is looked at closely: a box with its surroundings; where there is none, what
    points mean in the whole picture tells where to look.
    """
    box = prompts.box
    if box is None:
        found = parts_at(look(image, prompts) > 0.5, prompts.inside)
        if not found.any():
            return found
        box = _around(found)
    window = _window(image.shape[:2], box, (*prompts.inside, *prompts.outside))
    prob = np.zeros(image.shape[:2], np.float32)
    prob[window] = look(image[window], _seen_from(window, prompts))
    found = prob > 0.5
    if prompts.box is None:
        found = parts_at(found, prompts.inside)
        share = found.mean()
        if share > MOST or (share > LARGEST and prob[found].mean() < SURE):
            return np.zeros_like(found)
    else:
        found &= _inside(found.shape, prompts.box)
    return _as_said(_without_specks(found), prompts) if found.any() else found


def parts_at(found: np.ndarray, points: Iterable[Point]) -> np.ndarray:
    """Return the connected parts of a mask (H, W) bool that have a point in them."""
    _, parts = cv2.connectedComponents(found.astype(np.uint8))
    meant = {int(parts[int(y), int(x)]) for x, y in points} - {0}
    return np.isin(parts, sorted(meant))


def _window(size: tuple[int, int], box: Box, points: tuple[Point, ...]) -> tuple[slice, slice]:
    """Return the box with a margin, of which a thin box gets more on its thin side, and with all
    points."""
    x, y, width, height = box
    spans = []
    sides = ((y, height, width, size[0], 1), (x, width, height, size[1], 0))
    for first, length, across, limit, axis in sides:
        edge = max(8.0, MARGIN * max(length, across / 2))
        low = min([first - edge, *(point[axis] - 8 for point in points)])
        high = max([first + length + edge, *(point[axis] + 8 for point in points)])
        start = min(max(0, int(low)), limit - 1)
        spans.append(slice(start, max(start + 1, min(limit, int(high)))))
    return spans[0], spans[1]


def _seen_from(window: tuple[slice, slice], prompts: Prompts) -> Prompts:
    """Return the box and the points in pixels of a window."""
    left, top = window[1].start, window[0].start
    inside, outside = (
        tuple((x - left, y - top) for x, y in points)
        for points in (prompts.inside, prompts.outside)
    )
    box = prompts.box and (prompts.box[0] - left, prompts.box[1] - top, *prompts.box[2:])
    return replace(prompts, box=box, inside=inside, outside=outside)


def _near(image: np.ndarray, point: Point) -> np.ndarray:
    """Return what colours say about a single point, (H, W) bool, in ever smaller surroundings
    until it is less than LARGEST of the picture."""
    height, width = image.shape[:2]
    x, y = point
    reach = min(height, width) / 2
    while True:
        rows, columns = (
            slice(max(0, int(at - reach)), min(limit, int(at + reach) + 1))
            for at, limit in ((y, height), (x, width))
        )
        found = np.zeros((height, width), bool)
        place = (x - columns.start, y - rows.start)
        found[rows, columns] = find_edges(image[rows, columns], Prompts(inside=(place,)))
        if found.mean() < LARGEST or reach < 8:
            return found
        reach /= 2


def _inside(size: tuple[int, int], box: Box) -> np.ndarray:
    x, y, width, height = box
    inside = np.zeros(size, bool)
    rows = slice(max(0, round(y)), max(round(y + height), round(y) + 1, 1))
    inside[rows, max(0, round(x)) : max(round(x + width), round(x) + 1, 1)] = True
    return inside


def _around(mask: np.ndarray) -> Box:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return float(x), float(y), float(width), float(height)


def _without_specks(found: np.ndarray) -> np.ndarray:
    """Return the mask without its smallest parts and holes."""
    least = SPECK * found.sum()
    for is_part in (True, False):
        _, parts, stats, _ = cv2.connectedComponentsWithStats((found == is_part).astype(np.uint8))
        small = stats[:, cv2.CC_STAT_AREA] < least
        small[0] = False  # the rest
        found = found ^ small[parts]
    return found


def _as_said(found: np.ndarray, prompts: Prompts) -> np.ndarray:
    """Return the mask with the points inside in it, and those outside not."""
    canvas = found.astype(np.uint8)
    radius = max(1, round(DOT * max(_around(found)[2:])))
    for points, value in ((prompts.inside, 1), (prompts.outside, 0)):
        for x, y in points:
            cv2.circle(canvas, (int(x), int(y)), radius, value, cv2.FILLED)
    return canvas.view(bool)
