"""What the page sends, checked: nothing of it is taken on trust."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from kmn_cli.errors import InputError
from kmn_cli.media.exports.formats import FORMATS
from kmn_cli.media.prompts import Area, Box, FillHoles, Point, Prompts, Stroke

_LARGEST = 100_000  # of any coordinate
_FRAMES = 10**9
_LONGEST_NAME = 60
PREVIEW_SIZE = 240
T = TypeVar("T")


@dataclass(frozen=True)
class Drawing:
    """The objects drawn on one frame.

    Attributes:
        frame: its index.
        objects: by id, in the order in which they were drawn.
        base: the frame whose mask is drawn upon; None is an empty one.
        said: the same as it was sent, to be kept.
    """

    frame: int
    objects: dict[int, Prompts]
    base: int | None
    said: dict[str, Any]


@dataclass(frozen=True)
class Order:
    """What to track.

    Attributes:
        direction: as of `segment_video`.
        until: stop when this frame has been done; None does all.
        size: short side that the network sees, for a preview; None is the best.
    """

    direction: str
    until: int | None = None
    size: int | None = None


def read_json(body: bytes, read: Callable[[Any], T]) -> T:
    """Read a document that the page sent.

    Args:
        body: JSON.
        read: makes something of it, such as `drawing`; a ValueError, KeyError or the like says
            that it cannot.

    Raises:
        InputError: it cannot.
    """
    try:
        return read(json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"The page sent what cannot be understood ({error}).", "Reload the page."
        ) from error


def whole_number(said: Any, least: int = 0, most: int = _FRAMES) -> int:
    """A number of a document.

    Raises:
        ValueError: it is none, or outside.
    """
    if isinstance(said, bool) or not isinstance(said, int) or not least <= said <= most:
        raise ValueError("number")
    return said


def drawing(said: Any) -> Drawing:
    """What is drawn on a frame."""
    base = said.get("base")
    objects = {whole_number(each["id"], 1, 255): _prompts(each) for each in said["objects"]}
    base = None if base is None else whole_number(base)
    return Drawing(whole_number(said["frame"]), objects, base, said)


def names(said: Any) -> dict[str, str]:
    """What objects are called, by id."""
    names = {}
    for object_id, name in said.items():
        text = str(name)[:_LONGEST_NAME].strip()
        # A colon or a line break would break the label map of CVAT.
        if not text.isprintable() or ":" in text:
            raise ValueError("name")
        if text:
            names[str(whole_number(int(object_id), 1, 255))] = text
    return names


def order(said: Any) -> Order:
    """What is to be tracked."""
    if said["direction"] not in ("both", "forward", "auto"):
        raise ValueError("direction")
    until = said.get("until")
    return Order(
        said["direction"],
        None if until is None else whole_number(until),
        PREVIEW_SIZE if said.get("preview") is True else None,
    )


def export(said: Any) -> tuple[str, list[int], int | None]:
    """The format of an export, its objects (none is all), and N of every N-th frame."""
    if said["format"] not in FORMATS:
        raise ValueError("format")
    objects = [whole_number(i, 1, 255) for i in said.get("objects", [])]
    every = whole_number(said.get("every", 1), 1)
    return said["format"], objects, None if every == 1 else every


def _prompts(said: Any) -> Prompts:
    return Prompts(
        box=_box(said["box"]) if said.get("box") else None,
        inside=_points(said.get("inside", [])),
        outside=_points(said.get("outside", [])),
        strokes=tuple(_stroke(stroke) for stroke in said.get("strokes", [])),
    )


def _box(said: Any) -> Box:
    x, y, width, height = map(_number, said)
    return x, y, width, height


def _points(said: Any) -> tuple[Point, ...]:
    return tuple((_number(x), _number(y)) for x, y in said)


def _stroke(said: Any) -> Stroke | Area | FillHoles:
    if said.get("fill") is True:
        return FillHoles()
    points, erase = _points(said["points"]), said["erase"] is True
    if not points:
        raise ValueError("stroke")
    if said.get("area") is True:
        return Area(points, erase)
    radius = _number(said["radius"])
    if not 0 < radius <= 1000:
        raise ValueError("stroke")
    return Stroke(points, radius, erase)


def _number(said: Any) -> float:
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        raise ValueError("number")
    if not math.isfinite(said) or abs(said) > _LARGEST:
        raise ValueError("number")
    return float(said)
