"""What the page sends, checked: nothing of it is taken on trust."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from kmn_cli.errors import InputError
from kmn_cli.media.prompts import Box, Point, Prompts, Stroke

_LARGEST = 100_000  # of any coordinate


@dataclass(frozen=True)
class Drawing:
    """The objects drawn on one frame."""

    frame: int
    objects: dict[int, Prompts]


def read_drawing(body: bytes) -> Drawing:
    """Read the JSON of a drawing.

    Raises:
        InputError: when it is anything else.
    """
    try:
        document = json.loads(body)
        frame = document["frame"]
        if not isinstance(frame, int) or not 0 <= frame < 10**9:
            raise ValueError("frame")
        objects = {}
        for said in document["objects"]:
            object_id = said["id"]
            if not isinstance(object_id, int) or not 1 <= object_id <= 255:
                raise ValueError("id")
            objects[object_id] = Prompts(
                box=_box(said["box"]) if said.get("box") else None,
                inside=_points(said.get("inside", [])),
                outside=_points(said.get("outside", [])),
                strokes=tuple(_stroke(stroke) for stroke in said.get("strokes", [])),
            )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"The page sent what is no drawing ({error}).", "Reload the page."
        ) from error
    return Drawing(frame, objects)


def _box(said: Any) -> Box:
    x, y, width, height = map(_number, said)
    return x, y, width, height


def _points(said: Any) -> tuple[Point, ...]:
    return tuple((_number(x), _number(y)) for x, y in said)


def _stroke(said: Any) -> Stroke:
    points, radius = _points(said["points"]), _number(said["radius"])
    if not points or not 0 < radius <= 1000:
        raise ValueError("stroke")
    return Stroke(points, radius, said["erase"] is True)


def _number(said: Any) -> float:
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        raise ValueError("number")
    if not math.isfinite(said) or abs(said) > _LARGEST:
        raise ValueError("number")
    return float(said)
