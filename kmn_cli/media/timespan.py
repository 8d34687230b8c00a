"""Places in a video as people write them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from kmn_cli.errors import UsageError


@dataclass(frozen=True)
class Position:
    """A place in a video: either a frame's index or a time in seconds."""

    frame: int | None = None
    seconds: float | None = None

    def index(self, fps: float) -> int:
        """Return the index of the first frame at or after the place, at a constant rate."""
        if self.frame is not None:
            return self.frame
        assert self.seconds is not None
        return math.ceil(self.seconds * fps - 1e-3)


def parse_position(text: str) -> Position:
    """Read "120f" (a frame's index), "12.5" (seconds), "mm:ss" or "hh:mm:ss.x".

    Raises:
        UsageError: for anything else.
    """
    text = text.strip()
    if re.fullmatch(r"[0-9]+f", text):
        return Position(frame=int(text[:-1]))
    if re.fullmatch(r"([0-9]+:){0,2}([0-9]+\.?[0-9]*|\.[0-9]+)", text):
        seconds = 0.0
        for part in text.split(":"):
            seconds = seconds * 60 + float(part)
        return Position(seconds=seconds)
    raise UsageError(
        f"{text!r} is not a place in a video.",
        "Write seconds (12.5), hh:mm:ss (00:01:02.5) or a frame (120f).",
    )
