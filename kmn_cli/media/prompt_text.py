"""Reads --box, --points and --polygon: what they say, and about which object."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from kmn_cli.errors import UsageError
from kmn_cli.media.prompts import Point, Prompts

_NUMBER = r"\d+(?:\.\d+)?"
_POINT = re.compile(rf"([+-]?)({_NUMBER}),({_NUMBER})")


def parse_prompts(
    boxes: Sequence[str] = (), points: Sequence[str] = (), polygons: Sequence[str] = ()
) -> dict[int, Prompts]:
    """Read the options into prompts by object.

    Boxes are objects 1, 2, …, and polygons the next; the n-th points are about object n. "3:"
    before any of them names the object.

    Raises:
        UsageError: when one cannot be understood.
    """
    objects: dict[int, Prompts] = {}
    for text in boxes:
        object_id, rest = _object(text, "--box", _free(objects))
        numbers = rest.split(",")
        if len(numbers) != 4 or not all(re.fullmatch(rf"-?{_NUMBER}", n.strip()) for n in numbers):
            raise UsageError(f"--box {text}: not a box.", "Write x,y,width,height: 120,80,200,150.")
        x, y, width, height = map(float, numbers)
        known = objects.get(object_id, Prompts())
        if known.box is not None:
            raise UsageError(f"--box {text}: object {object_id} has a box.", "Give each one box.")
        objects[object_id] = replace(known, box=(x, y, width, height))
    for text in polygons:
        object_id, rest = _object(text, "--polygon", _free(objects))
        corners = _points(rest, text, "--polygon")
        if len(corners) < 3 or any(sign for sign, _ in corners):
            raise UsageError(f"--polygon {text}: not an outline.", "Write x,y x,y x,y …")
        known = objects.get(object_id, Prompts())
        outline = tuple(point for _, point in corners)
        objects[object_id] = replace(known, polygons=(*known.polygons, outline))
    for place, text in enumerate(points, 1):
        object_id, rest = _object(text, "--points", place)
        known = objects.get(object_id, Prompts())
        signed = _points(rest, text, "--points")
        objects[object_id] = replace(
            known,
            inside=(*known.inside, *(point for sign, point in signed if sign != "-")),
            outside=(*known.outside, *(point for sign, point in signed if sign == "-")),
        )
    return objects


def _free(objects: dict[int, Prompts]) -> int:
    return max(objects, default=0) + 1


def _object(text: str, option: str, default: int) -> tuple[int, str]:
    """Split "3:rest"."""
    number, colon, rest = text.partition(":")
    if not colon:
        return default, text
    if not (number.strip().isdecimal() and 1 <= int(number) <= 255):
        raise UsageError(
            f"{option} {text}: {number!r} is no object.", "Objects are 1 to 255: 2:10,20,30,40."
        )
    return int(number), rest


def _points(rest: str, text: str, option: str) -> list[tuple[str, Point]]:
    """Read "x,y x,y …" (or with ; between) with the signs before the points."""
    pieces = re.split(r"[\s;]+", rest.strip())
    found = [_POINT.fullmatch(piece) for piece in pieces]
    if None in found:
        raise UsageError(f"{option} {text}: not points.", 'Write "x,y x,y".')
    return [(match[1], (float(match[2]), float(match[3]))) for match in found if match]
