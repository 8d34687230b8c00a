"""Places in a video as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kmn_cli.errors import InputError, UsageError
from kmn_cli.media.timeline import Timeline


@dataclass(frozen=True)
class Position:
    """A place in a video: either a frame's index or a time in seconds."""

    frame: int | None = None
    seconds: float | None = None

    def index(self, timeline: Timeline) -> int:
        """Return the index of the first frame that is shown at or after the place."""
        if self.frame is not None:
            return self.frame
        assert self.seconds is not None
        return timeline.before(self.seconds)


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


def span(
    path: Path, timeline: Timeline, start: Position | None, end: Position | None
) -> tuple[int, int]:
    """Return the first frame between two places and the one after the last.

    Raises:
        InputError: when no frame lies between.
    """
    frames = len(timeline)
    first = start.index(timeline) if start else 0
    stop = min(end.index(timeline), frames) if end else frames
    if first >= frames:
        raise InputError(
            f"{path} ends before the start: it has {frames} frames ({timeline.end:.2f} s).",
            "Choose an earlier --start.",
        )
    if stop <= first:
        raise InputError(
            f"No frame of {path} lies between the start (frame {first}) and the end.",
            "Choose an --end after --start; the frame at the end is not part of the result.",
        )
    return first, stop
