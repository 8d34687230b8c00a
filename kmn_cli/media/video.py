"""Videos in and out: files through ffmpeg, and folders of pictures, with the same verbs."""

from __future__ import annotations

from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.files import existing, is_image
from kmn_cli.media.frames import Frame, VideoInfo
from kmn_cli.media.timespan import parse_position
from kmn_cli.media.video_reader import FileReader, FolderReader, VideoReader
from kmn_cli.media.video_writer import VideoWriter

__all__ = ["Frame", "VideoInfo", "VideoReader", "VideoWriter", "open_video"]


def open_video(
    path: str | Path, *, start: str | None = None, end: str | None = None
) -> VideoReader:
    """Open a video file, a folder of pictures or one picture.

    Args:
        path: the source.
        start: the first frame to read: seconds, "hh:mm:ss.x" or "120f"; None is the beginning.
        end: the first frame not to read, in the same notation; None is the end.

    Raises:
        InputError: when it is missing, unreadable or too large, or nothing lies in the span.
        UsageError: when start or end cannot be understood.
    """
    first = parse_position(start) if start is not None else None
    last = parse_position(end) if end is not None else None
    source = existing(Path(path))
    if source.is_dir() or is_image(source):
        return FolderReader(source, first, last)
    if not source.is_file():
        raise InputError(f"{path} is not a file.", "Give a video file, or a folder of pictures.")
    return FileReader(source, first, last)
