"""What a person says about an object in a frame: where it is, and where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kmn_cli.errors import InputError

if TYPE_CHECKING:  # --help must not wait for it
    import numpy as np

Point = tuple[float, float]  # x, y in pixels from the upper left corner
Box = tuple[float, float, float, float]  # x, y, width, height


@dataclass(frozen=True)
class Stroke:
    """A line painted by hand, or rubbed out; `radius` in pixels."""

    points: tuple[Point, ...]
    radius: float
    erase: bool = False


@dataclass(frozen=True)
class Area:
    """An outline that is filled by hand, or cut out."""

    points: tuple[Point, ...]
    erase: bool = False


@dataclass(frozen=True)
class FillHoles:
    """What the object encloses becomes part of it."""


@dataclass(frozen=True)
class Prompts:
    """What is known of one object.

    A box and points are hints: the object's edges are looked for. Polygons, `bitmap` (H, W) bool
    and strokes are taken as they are, strokes last and in their order; areas and filled holes count
    among them.
    """

    box: Box | None = None
    inside: tuple[Point, ...] = ()
    outside: tuple[Point, ...] = ()
    polygons: tuple[tuple[Point, ...], ...] = ()
    strokes: tuple[Stroke | Area | FillHoles, ...] = ()
    bitmap: np.ndarray | None = None

    @property
    def has_hints(self) -> bool:
        """Whether there is something from which to look for edges."""
        return self.box is not None or bool(self.inside)


def check_prompts(objects: Mapping[int, Prompts], size: tuple[int, int]) -> None:
    """Refuse prompts that lie outside the frame or mark nothing.

    Args:
        objects: prompts by id.
        size: (width, height) of the frame.

    Raises:
        InputError: naming the object and the place.
    """
    width, height = size
    frame = f"the frame is {width}x{height}"
    for object_id, prompts in objects.items():
        if prompts.box is not None:
            x, y, w, h = prompts.box
            if not (w > 0 and h > 0 and x < width and y < height and x + w > 0 and y + h > 0):
                raise InputError(
                    f"Object {object_id}: the box {x:g},{y:g},{w:g},{h:g} holds no pixel; {frame}.",
                    "A box is x,y,width,height in pixels from the upper left corner.",
                )
        for x, y in (*prompts.inside, *prompts.outside):
            if not (0 <= x < width and 0 <= y < height):
                raise InputError(
                    f"Object {object_id}: the point {x:g},{y:g} is not in the picture; {frame}.",
                    "Points are x,y in pixels from the upper left corner.",
                )
        if prompts.outside and not (prompts.has_hints or prompts.polygons):
            raise InputError(
                f"Object {object_id} has only points outside of it.",
                "Give a box, or at least one point inside.",
            )
