"""A first mask from what a person says about a frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.media.edges import by_colours, parts_at
from kmn_cli.media.overlay import draw_overlay
from kmn_cli.media.palette import voc_palette
from kmn_cli.media.prompts import Area, FillHoles, Point, Prompts, Stroke, check_prompts

LITTLE, ALL = 0.2, 0.97  # of a box: objects in boxes drawn closely cover a third and more
FindEdges = Callable[[np.ndarray, Prompts], np.ndarray]


def mask_from_prompts(
    image: np.ndarray, objects: Mapping[int, Prompts], find: FindEdges = by_colours
) -> np.ndarray:
    """Return ids (H, W) uint8, 0 the background: where objects overlap, the higher id.

    Args:
        image: (H, W, 3) uint8 RGB.
        objects: prompts by id, 1..255.
        find: finds an object's edges, (H, W) bool.

    Raises:
        InputError: when prompts lie outside the frame.
    """
    check_prompts(objects, (image.shape[1], image.shape[0]))
    labels = np.zeros(image.shape[:2], np.uint8)
    for object_id, prompts in sorted(objects.items()):
        labels[_object(image, prompts, find)] = object_id
    return labels


def correct_mask(
    labels: np.ndarray,
    image: np.ndarray,
    objects: Mapping[int, Prompts],
    find: FindEdges = by_colours,
) -> np.ndarray:
    """Return ids (H, W) uint8 after what a person says about some objects of a mask.

    A box makes its object anew; a point inside adds the part that is missing there, a point
    outside takes away what is too much there; strokes paint. Where objects overlap, the later of
    `objects` has it.

    Args:
        labels: (H, W) uint8 ids, left as they are.
        image: (H, W, 3) uint8 RGB.
        objects: prompts by id, 1..255, in the order in which they were said.
        find: finds an object's edges, (H, W) bool.

    Raises:
        InputError: when prompts lie outside the frame.
    """
    result = labels.copy()
    size = (image.shape[1], image.shape[0])
    for object_id, prompts in objects.items():
        before = result == object_id
        if prompts.box is None and before.any():
            check_prompts({object_id: Prompts(inside=prompts.inside + prompts.outside)}, size)
            found = _clicked(before, image, prompts, find)
        else:
            check_prompts({object_id: prompts}, size)
            found = _object(image, replace(prompts, strokes=()), find)
        result[before] = 0
        result[_painted(found, prompts.strokes)] = object_id
    return result


def _clicked(mask: np.ndarray, image: np.ndarray, prompts: Prompts, find: FindEdges) -> np.ndarray:
    """A mask with what clicks change of it.

    The object is looked for anew, by the clicks and by what is known: a place in the mask, or where
    nothing is missing, the box around it. What is found and the mask differ in some parts; those
    with a click in them are changed.
    """
    inside, outside = prompts.inside, prompts.outside
    if inside:
        known = Prompts(inside=(*inside, _deepest(mask, outside)), outside=outside)
    else:
        x, y, width, height = map(float, cv2.boundingRect(mask.astype(np.uint8)))
        known = Prompts(box=(x, y, width, height), outside=outside)
    found = find(image, known)
    return mask ^ parts_at(mask ^ found, (*inside, *outside))


def _deepest(mask: np.ndarray, outside: Sequence[Point]) -> Point:
    """The place in a mask that is farthest from its edges, and from points outside the object."""
    canvas = np.pad(mask.astype(np.uint8), 1)
    for x, y in outside:
        canvas[int(y) + 1, int(x) + 1] = 0
    depth = cv2.distanceTransform(canvas, cv2.DIST_L2, 3)
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return float(column - 1), float(row - 1)


def check_all_there(labels: np.ndarray, objects: Mapping[int, Prompts]) -> None:
    """Refuse a mask that lacks an object.

    Raises:
        InputError: naming the object.
    """
    missing = sorted(set(objects) - set(np.unique(labels).tolist()))
    if missing or not objects:
        raise InputError(
            f"Object {missing[0]} has no pixel." if missing else "No object is marked.",
            "Draw its box closer, add points inside of it, or give its polygon; an object under "
            "another needs the higher number.",
        )


def doubts(labels: np.ndarray, objects: Mapping[int, Prompts]) -> list[str]:
    """Return what should be looked at before the mask is used: boxes that it hardly or wholly
    fills.

    Args:
        labels: (H, W) uint8.
        objects: what it was made from.
    """
    found = []
    for object_id, prompts in sorted(objects.items()):
        if prompts.box is None or prompts.polygons or prompts.bitmap is not None:
            continue
        x, y, width, height = prompts.box
        rows = slice(max(0, round(y)), max(0, round(y + height)))
        in_box = labels[rows, max(0, round(x)) : max(0, round(x + width))]
        share = float((in_box == object_id).mean()) if in_box.size else 1.0
        if not LITTLE <= share <= ALL:
            found.append(
                f"object {object_id} covers {share:.0%} of its box: look at the preview; "
                f'--points "{object_id}:X,Y -X,Y" names places in it and, with a minus, outside, '
                "and --web draws it by hand"
            )
    return found


def draw_preview(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the frame with each object tinted and outlined in its colour, (H, W, 3) uint8."""
    preview = cv2.addWeighted(image, 0.6, draw_overlay(image, labels), 0.4, 0)
    thick = max(1, round(min(labels.shape) / 300))
    for object_id in np.unique(labels[labels > 0]).tolist():
        mask = (labels == object_id).astype(np.uint8)
        lines, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        # The palette is dark: a bright line beside the colour shows on every background.
        bright = np.minimum(voc_palette()[object_id].astype(int) + 100, 255).tolist()
        cv2.drawContours(preview, lines, -1, (0, 0, 0), 2 * thick + 1)
        cv2.drawContours(preview, lines, -1, bright, thick)
    return preview


def _object(image: np.ndarray, prompts: Prompts, find: FindEdges) -> np.ndarray:
    mask = find(image, prompts) if prompts.has_hints else np.zeros(image.shape[:2], bool)
    if prompts.bitmap is not None:
        mask = mask | prompts.bitmap
    outlines = tuple(Area(polygon) for polygon in prompts.polygons)
    return _painted(mask, (*outlines, *prompts.strokes))


def _painted(mask: np.ndarray, strokes: Sequence[Stroke | Area | FillHoles]) -> np.ndarray:
    canvas = mask.astype(np.uint8)
    for stroke in strokes:
        if isinstance(stroke, Stroke):
            _paint(canvas, stroke)
        elif isinstance(stroke, Area):
            cv2.fillPoly(canvas, [_pixels(stroke.points)], 0 if stroke.erase else 1)
        else:
            outlines, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED)
    return canvas.view(bool)


def _paint(canvas: np.ndarray, stroke: Stroke) -> None:
    value = 0 if stroke.erase else 1
    points = _pixels(stroke.points)
    cv2.polylines(canvas, [points], False, value, max(1, round(2 * stroke.radius)))
    for x, y in points.tolist():  # round ends, also of a single dot
        cv2.circle(canvas, (x, y), round(stroke.radius), value, cv2.FILLED)


def _pixels(points: Sequence[Point]) -> np.ndarray:
    return np.rint(np.array(points, np.float64).reshape(-1, 2)).astype(np.int32)
