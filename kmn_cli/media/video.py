"""Videos in and out: files, folders of pictures, and stacks of them, with the same verbs."""

from __future__ import annotations

from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.files import existing, is_image
from kmn_cli.media.frames import USUAL, Frame, Reading, VideoInfo
from kmn_cli.media.picture_reader import open_pictures
from kmn_cli.media.timespan import parse_position
from kmn_cli.media.video_reader import FileReader, VideoReader
from kmn_cli.media.video_writer import VideoWriter

__all__ = ["USUAL", "Frame", "Reading", "VideoInfo", "VideoReader", "VideoWriter", "open_video"]


def open_video(
    path: str | Path,
    *,
    start: str | None = None,
    end: str | None = None,
    reading: Reading = USUAL,
) -> VideoReader:
    """Open a video file, a folder of pictures or one picture.

    Args:
        path: the source.
        start: the first frame to read: seconds, "hh:mm:ss.x" or "120f"; None is the beginning.
        end: the first frame not to read, in the same notation; None is the end.
        reading: what the source leaves open; `VideoInfo.reading` opens it again in the same way.

    Raises:
        InputError: when it is missing, unreadable or too large, or nothing lies in the span.
        UsageError: when start or end cannot be understood.
    """
    first = parse_position(start) if start is not None else None
    last = parse_position(end) if end is not None else None
    source = existing(Path(path))
    if source.is_dir() or is_image(source):
        return open_pictures(source, first, last, reading)
    if not source.is_file():
        raise InputError(f"{path} is not a file.", "Give a video file, or a folder of pictures.")
    return FileReader(source, first, last, reading)
