"""What a reader yields."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from kmn_cli.media.timeline import Timeline


@dataclass(frozen=True)
class Reading:
    """How a source is read, where it leaves that open.

    Attributes:
        fps: frames a second of pictures, which do not tell it; None is 24, as in DAVIS. Videos go
            by their own times.
        deinterlace: whether rows of two moments are made pictures of one.
    """

    fps: float | None = None
    deinterlace: bool = True


USUAL = Reading()


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a source before its frames are read.

    `width` and `height` are those of the frames, upright. `fps` is the average rate, so that
    frames / fps is the duration also where the rate varies. `frames` is how many will be read
    between start and end: an estimate for a video file, None where it cannot be told.
    `first` is the index of the frame at which reading starts.

    `shape` is the width of a pixel over its height. `timeline` has the times of all frames, also
    of those outside of start and end; None is frames at `fps`. `reading` is how it was opened.
    """

    path: Path
    width: int
    height: int
    fps: float
    frames: int | None
    has_audio: bool
    is_folder: bool
    first: int = 0
    shape: Fraction = Fraction(1)
    timeline: Timeline | None = None
    reading: Reading = USUAL

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height on a screen, whose pixels are square: players stretch the width."""
        return round(self.width * self.shape), self.height

    def span(self, index: int) -> tuple[float, float]:
        """Return when frame `index` is shown, from the start of the source, and how long."""
        timeline = self.timeline
        return timeline.span(index) if timeline else (index / self.fps, 1 / self.fps)


@dataclass(frozen=True)
class Frame:
    """One picture of a source.

    Attributes:
        index: in the whole source, from 0.
        name: the stem of its results.
        image: (H, W, 3) uint8 RGB.
        time: when it is shown, in seconds from the start of the source; None is index / fps.
        duration: for how long, in seconds; None is 1 / fps.
    """

    index: int
    name: str
    image: np.ndarray
    time: float | None = None
    duration: float | None = None
