"""What a reader yields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a source before its frames are read.

    `width` and `height` are those of the frames, upright. `fps` is the average rate, so that
    frames / fps is the duration also where the rate varies. `frames` is how many will be read
    between start and end: an estimate for a video file, None where it cannot be told.
    `first` and `start_seconds` say where reading starts.
    """

    path: Path
    width: int
    height: int
    fps: float
    frames: int | None
    has_audio: bool
    is_folder: bool
    first: int = 0
    start_seconds: float = 0.0


@dataclass(frozen=True)
class Frame:
    """One picture: its index in the whole source, the stem for its results, (H, W, 3) uint8 RGB."""

    index: int
    name: str
    image: np.ndarray
