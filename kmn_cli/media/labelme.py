"""Annotations of labelme as prompts."""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from kmn_cli.errors import InputError
from kmn_cli.media.prompts import Box, Point, Prompts

_CIRCLE = 64  # corners of a circle
_LINES = ("line", "linestrip")


@dataclass(frozen=True)
class LabelmeObject:
    """One object: shapes of one label and group."""

    label: str
    prompts: Prompts


def read_labelme(path: Path, size: tuple[int, int]) -> list[LabelmeObject]:
    """Read the objects of a labelme file, in order of first appearance.

    Shapes of one label are one object, unless their group ids differ. Polygons, circles and masks
    are taken as they are; rectangles and points are hints, but several rectangles of one object
    or a turned one are areas. Lines mark no area, and are passed over beside shapes that do.

    Args:
        path: the .json file: UTF-8 with or without a byte-order mark, GBK or Latin-1.
        size: (width, height) of the frame; shapes drawn on a picture of the same proportions
            are scaled.

    Raises:
        InputError: when it cannot be read, is for another shape of picture, or marks no area.
    """
    document = _load(path)
    scale = _scale(path, (document.get("imageWidth"), document.get("imageHeight")), size)
    objects: dict[tuple[str, object], _Shapes] = {}
    lines: list[str] = []
    for shape in document["shapes"]:
        try:
            key = (str(shape["label"]), shape.get("group_id"))
            kind = shape.get("shape_type") or "polygon"
            if kind in _LINES:
                lines.append(kind)
                continue
            objects.setdefault(key, _Shapes(size, scale)).add(kind, shape)
        except (KeyError, TypeError, ValueError, IndexError, binascii.Error, OSError) as error:
            raise InputError(
                f"{path}: shape {shape!r:.60} cannot be understood ({error}).",
                "Use polygons, rectangles, circles, points or masks.",
            ) from error
    if not objects:
        what = f"only shapes that mark no area ({', '.join(lines)})" if lines else "no shapes"
        raise InputError(f"{path} has {what}.", "Draw polygons around the objects with labelme.")
    return [LabelmeObject(label, shapes.prompts()) for (label, _), shapes in objects.items()]


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(_text(path.read_bytes()))
        if isinstance(document["shapes"], list):
            return dict(document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read as a file of labelme ({error}).",
            "Give the .json that labelme saves beside the picture.",
        ) from error
    raise InputError(f"{path}: its shapes are no list.", "Save it again with labelme.")


def _text(data: bytes) -> str:
    """Labelme wrote in the system's encoding before it wrote UTF-8."""
    for encoding in ("utf-8-sig", "gb18030"):
        with suppress(UnicodeDecodeError):
            return data.decode(encoding)
    return data.decode("latin-1")


def _scale(path: Path, said: tuple[Any, Any], size: tuple[int, int]) -> float:
    if None in said or said == size:
        return 1.0
    scale = size[0] / said[0]
    if abs(said[1] * scale - size[1]) > max(1.0, scale):
        raise InputError(
            f"{path} is for {said[0]}x{said[1]}, but the frame is {size[0]}x{size[1]}.",
            "Draw it on a frame of this video.",
        )
    return scale


class _Shapes:
    """The shapes of one object."""

    def __init__(self, size: tuple[int, int], scale: float) -> None:
        self._size, self._scale = size, scale
        self._areas: list[tuple[Point, ...]] = []
        self._boxes: list[tuple[Point, ...]] = []
        self._inside: list[Point] = []
        self._outside: list[Point] = []
        self._bitmap: np.ndarray | None = None

    def add(self, kind: str, shape: Mapping[str, Any]) -> None:
        """Add one shape.

        Raises:
            KeyError, TypeError, ValueError, IndexError, OSError: when it cannot be understood.
        """
        points = [(float(x) * self._scale, float(y) * self._scale) for x, y in shape["points"]]
        if kind in ("polygon", "oriented_rectangle", "rotation") and len(points) > 2:
            self._areas.append(tuple(points))
        elif kind == "circle":
            self._areas.append(_circle(points[0], points[1]))
        elif kind == "rectangle":
            self._boxes.append(tuple(points) if len(points) > 2 else _corners(points))
        elif kind == "point":
            self._inside.append(points[0])
        elif kind == "points":
            signs = shape.get("point_labels") or [1] * len(points)
            for point, sign in zip(points, signs, strict=True):
                (self._inside if sign else self._outside).append(point)
        elif kind == "mask":
            self._paste(shape["mask"], points)
        else:
            raise ValueError(f"{kind} marks no area")

    def prompts(self) -> Prompts:
        """What they say together: a single upright rectangle is a hint, others are areas."""
        box = None
        areas = self._areas
        if len(self._boxes) == 1 and (upright := _upright(self._boxes[0])):
            box = upright
        else:
            areas = [*areas, *self._boxes]
        return Prompts(
            box=box,
            inside=tuple(self._inside),
            outside=tuple(self._outside),
            polygons=tuple(areas),
            bitmap=self._bitmap,
        )

    def _paste(self, data: str, points: list[Point]) -> None:
        """Paste a shape's own small bitmap at its corner."""
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            part = np.asarray(image.convert("L")) > 0
        if self._scale != 1:
            width, height = (max(1, round(n * self._scale)) for n in part.shape[::-1])
            size = (width, height)
            part = cv2.resize(part.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        if self._bitmap is None:
            self._bitmap = np.zeros(self._size[::-1], bool)
        x, y = (max(0, round(value)) for value in points[0])
        target = self._bitmap[y : y + part.shape[0], x : x + part.shape[1]]
        target |= part[: target.shape[0], : target.shape[1]]


def _corners(points: list[Point]) -> tuple[Point, ...]:
    (x0, y0), (x1, y1) = points[0], points[1]
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def _upright(corners: tuple[Point, ...]) -> Box | None:
    """Return the box of a rectangle whose sides are level; None for a turned one."""
    xs, ys = zip(*corners, strict=True)
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    level = all(
        min(x - left, right - x) < 0.5 and min(y - top, bottom - y) < 0.5 for x, y in corners
    )
    return (left, top, right - left, bottom - top) if level else None


def _circle(centre: Point, rim: Point) -> tuple[Point, ...]:
    radius = math.dist(centre, rim)
    turns = np.linspace(0, 2 * np.pi, _CIRCLE, endpoint=False)
    return tuple(
        (centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn)) for turn in turns
    )
