"""Annotations of labelme as prompts."""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kmn_cli.errors import InputError
from kmn_cli.media.prompts import Point, Prompts

_CIRCLE = 64  # corners of a circle


@dataclass(frozen=True)
class LabelmeObject:
    """One object: shapes of one label and group."""

    label: str
    prompts: Prompts


def read_labelme(path: Path, size: tuple[int, int]) -> list[LabelmeObject]:
    """Read the objects of a labelme file, in order of first appearance.

    Shapes of one label are one object, unless their group ids differ. Polygons, circles and masks
    are taken as they are; rectangles and points are hints.

    Args:
        path: the .json file.
        size: (width, height) of the frame it must be for.

    Raises:
        InputError: when it cannot be read, is for another size, or has no such shape.
    """
    document = _load(path)
    said = (document.get("imageWidth"), document.get("imageHeight"))
    if None not in said and said != size:
        raise InputError(
            f"{path} is for {said[0]}x{said[1]}, but the frame is {size[0]}x{size[1]}.",
            "Draw it on a frame of this video.",
        )
    objects: dict[tuple[str, object], Prompts] = {}
    for shape in document["shapes"]:
        try:
            key = (str(shape["label"]), shape.get("group_id"))
            objects[key] = _add(objects.get(key, Prompts()), shape, size)
        except (KeyError, TypeError, ValueError, IndexError, binascii.Error, OSError) as error:
            raise InputError(
                f"{path}: shape {shape!r:.60} cannot be understood ({error}).",
                "Use polygons, rectangles, circles, points or masks.",
            ) from error
    if not objects:
        raise InputError(f"{path} has no shapes.", "Draw the objects with labelme first.")
    return [LabelmeObject(label, prompts) for (label, _), prompts in objects.items()]


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(document["shapes"], list):
            return dict(document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read as a file of labelme ({error}).",
            "Give the .json that labelme saves beside the picture.",
        ) from error
    raise InputError(f"{path}: its shapes are no list.", "Save it again with labelme.")


def _add(prompts: Prompts, shape: Mapping[str, Any], size: tuple[int, int]) -> Prompts:
    """Return the prompts with one shape more.

    Raises:
        KeyError, TypeError, ValueError, IndexError, OSError: when it cannot be understood.
    """
    points = [(float(x), float(y)) for x, y in shape["points"]]
    kind = shape.get("shape_type", "polygon")
    if kind == "polygon" and len(points) > 2:
        return replace(prompts, polygons=(*prompts.polygons, tuple(points)))
    if kind == "circle":
        return replace(prompts, polygons=(*prompts.polygons, _circle(points[0], points[1])))
    if kind == "point":
        return replace(prompts, inside=(*prompts.inside, points[0]))
    if kind == "rectangle":
        if prompts.box is not None:
            raise ValueError("one object has two rectangles; give them different group ids")
        (x0, y0), (x1, y1) = points[0], points[1]
        return replace(prompts, box=(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0)))
    if kind == "mask":
        return replace(prompts, bitmap=_bitmap(shape["mask"], points[0], size, prompts.bitmap))
    raise ValueError(f"{kind} marks no area")


def _circle(centre: Point, rim: Point) -> tuple[Point, ...]:
    radius = math.dist(centre, rim)
    turns = np.linspace(0, 2 * np.pi, _CIRCLE, endpoint=False)
    return tuple(
        (centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn)) for turn in turns
    )


def _bitmap(
    data: str, corner: Point, size: tuple[int, int], earlier: np.ndarray | None
) -> np.ndarray:
    """Return the frame's bitmap with the small one of a shape pasted at its corner."""
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        part = np.asarray(image.convert("L")) > 0
    bitmap = np.zeros(size[::-1], bool) if earlier is None else earlier.copy()
    x, y = round(corner[0]), round(corner[1])
    target = bitmap[y : y + part.shape[0], x : x + part.shape[1]]
    target |= part[: target.shape[0], : target.shape[1]]
    return bitmap
