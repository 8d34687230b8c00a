"""The edges of an object from what a person says: by colours, and by what a network takes for it.

Colours alone (GrabCut) fail where the background has them, too; a network alone repeats what it is
told. So it is told what the colours found, where that spans the box, and what both say is taken;
where it does not, the network finds its own way: tests/benchmarks/bench_init_mask.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from kmn_cli.media.grabcut import find_edges
from kmn_cli.media.prompts import Box, Point, Prompts

# A picture (h, w, 3) uint8 RGB and a rough mask (h, w) bool to the probability (h, w) of each pixel
# to be of the object that the mask means.
Look = Callable[[np.ndarray, np.ndarray], np.ndarray]

MARGINS = (0.25, 0.5)  # of the box, seen around it
LONG_SIDE = 320  # of what the network sees, in pixels; small objects are enlarged
LOOKS = 3  # from an ellipse in the box
REACH = 0.7  # of the box's width and height: what is drawn closely around reaches its sides
COLOURS = 0.3  # weight of the colours' answer
LEAST, MOST = 0.25, 0.97  # of the box: with less or more the network has not understood
SURE = 0.3  # a probability that counts for that
DISCS = (0.06, 0.12, 0.24, 0.4)  # radii around a single point, in short sides
LARGEST = 0.2  # of the picture, that a single point may mean
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
        if prompts.box is None and len(prompts.inside) == 1 and not prompts.outside:
            found = None if self.look is None else _click(image, prompts.inside[0], self.look)
            return _near(image, prompts) if found is None else found
        by_colour = find_edges(image, prompts)
        if self.look is None:
            return by_colour
        box = prompts.box or _around(by_colour)
        points = prompts.inside or prompts.outside  # which the colours have heeded
        if points or _reaches_sides(by_colour, box):
            prob = _look_closely(image, box, by_colour, self.look)
        else:
            prob = _ellipse(image.shape[:2], box).astype(np.float32)
            for _ in range(LOOKS):  # each answer is a better guess than the one before
                prob = _look_closely(image, box, prob > 0.5, self.look)
        share = (prob > SURE).sum() / max(1.0, _inside(image.shape[:2], box).sum())
        if not LEAST < share < MOST:
            return by_colour
        found = (1 - COLOURS) * prob + COLOURS * by_colour > 0.5 * (1 - COLOURS)
        return _as_said(_without_specks(found), prompts)


by_colours = EdgeFinder()


def _look_closely(image: np.ndarray, box: Box, guess: np.ndarray, look: Look) -> np.ndarray:
    """Return the probability (H, W) float32 of the object in a box, 0 outside of it.

    The network is told that the guess (H, W) bool is the object; what it then says to the same
    picture is nearer to the truth.
    """
    size = image.shape[:2]
    total = np.zeros(size, np.float32)
    for margin in MARGINS:
        window = _window(size, box, margin)
        total[window] += _ask(image[window], guess[window], look) / len(MARGINS)
    return total * _inside(size, box)


def _ask(part: np.ndarray, guess: np.ndarray, look: Look) -> np.ndarray:
    """Return the network's probability (h, w) float32 of a part of the picture."""
    scale = LONG_SIDE / max(part.shape[:2])
    net = (max(16, round(part.shape[1] * scale)), max(16, round(part.shape[0] * scale)))
    rough = cv2.resize(guess.astype(np.uint8), net, interpolation=cv2.INTER_NEAREST)
    if not rough.any():
        return np.zeros(part.shape[:2], np.float32)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    prob = look(cv2.resize(part, net, interpolation=how), rough > 0)
    return cv2.resize(prob, part.shape[1::-1])


def _window(size: tuple[int, int], box: Box, margin: float) -> tuple[slice, slice]:
    """Return the box with a margin, of which a thin box gets more on its thin side."""
    x, y, width, height = box
    spans = []
    for first, length, across, limit in ((y, height, width, size[0]), (x, width, height, size[1])):
        edge = max(8.0, margin * max(length, across / 2))
        low = min(max(0, int(first - edge)), limit - 1)
        spans.append(slice(low, max(low + 1, min(limit, int(first + length + edge)))))
    return spans[0], spans[1]


def _inside(size: tuple[int, int], box: Box) -> np.ndarray:
    x, y, width, height = box
    inside = np.zeros(size, bool)
    rows = slice(max(0, round(y)), max(round(y + height), round(y) + 1, 1))
    inside[rows, max(0, round(x)) : max(round(x + width), round(x) + 1, 1)] = True
    return inside


def _click(image: np.ndarray, point: Point, look: Look) -> np.ndarray | None:
    """Return what the network finds at a single point, (H, W) bool; None if it is nothing clear.

    It is told of discs of several sizes around the point; the answer it is surest of is taken.
    """
    height, width = image.shape[:2]
    x, y = point
    best, sureness = None, 0.0
    for share in DISCS:
        radius = share * min(height, width)
        window = _window((height, width), (x - radius, y - radius, 2 * radius, 2 * radius), 1.0)
        disc = np.zeros((height, width), np.uint8)
        cv2.circle(disc, (int(x), int(y)), max(2, int(0.7 * radius)), 1, cv2.FILLED)
        prob = np.zeros((height, width), np.float32)
        prob[window] = _ask(image[window], disc[window].view(bool), look)
        _, parts = cv2.connectedComponents((prob > 0.5).astype(np.uint8))
        part = parts == parts[int(y), int(x)]
        if not parts[int(y), int(x)] or part.mean() >= LARGEST or _is_cut(part[window]):
            continue
        if prob[part].mean() > sureness:
            best, sureness = part, float(prob[part].mean())
    return best


def _near(image: np.ndarray, prompts: Prompts) -> np.ndarray:
    """Return what colours say about a single point, (H, W) bool, in ever smaller surroundings
    until it is less than LARGEST of the picture."""
    height, width = image.shape[:2]
    (x, y) = prompts.inside[0]
    reach = min(height, width) / 2
    while True:
        window = _window((height, width), (x - reach, y - reach, 2 * reach, 2 * reach), 0.0)
        place = (x - window[1].start, y - window[0].start)
        found = np.zeros((height, width), bool)
        found[window] = find_edges(image[window], Prompts(inside=(place,)))
        if found.mean() < LARGEST or reach < 8:
            return found
        reach /= 2


def _is_cut(part: np.ndarray) -> bool:
    """Tell whether more of a part lies on the border than may by chance: it goes on beyond."""
    on_border = part[[0, -1]].sum() + part[:, [0, -1]].sum()
    return bool(on_border > 0.4 * part.sum() ** 0.5)


def _reaches_sides(mask: np.ndarray, box: Box) -> bool:
    """Tell whether a mask spans most of a box, without being all of it."""
    _, _, width, height = _around(mask)
    is_all = mask.sum() > MOST * box[2] * box[3]
    return width >= REACH * box[2] and height >= REACH * box[3] and not is_all


def _ellipse(size: tuple[int, int], box: Box) -> np.ndarray:
    x, y, width, height = box
    ellipse = np.zeros(size, np.uint8)
    cv2.ellipse(ellipse, ((x + width / 2, y + height / 2), (width, height), 0), 1, cv2.FILLED)
    return ellipse.view(bool)


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
