"""The frames of a video from the last to the first, without holding them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

import numpy as np

from kmn_cli.media.frames import Frame, VideoInfo
from kmn_cli.media.video import open_video

IN_MEMORY = 2**28  # bytes of a chapter that need no file
CHAPTER = 2**31  # bytes of frames decoded at a time, where each chapter starts from the beginning


class Backwards:
    """Iterates over the frames `first` … `stop` - 1 of a video, the last one first.

    Videos are only decoded forwards: chapter after chapter, from the last to the first, is decoded
    and handed out in reverse. A chapter lies in memory; where keyframes cannot be gone to, fewer
    and larger ones lie in a nameless file.

    Args:
        info: of the video.
        first, stop: indices in the whole video.
        folder: for that file.
        chapter: bytes of the larger ones.
    """

    def __init__(
        self, info: VideoInfo, first: int, stop: int, folder: Path, chapter: int = CHAPTER
    ) -> None:
        self._info, self._first, self._stop, self._folder = info, first, stop, folder
        self._frame_bytes = info.height * info.width * 3
        self._chapter_bytes = chapter

    def __iter__(self) -> Iterator[Frame]:
        with open_video(self._info.path, reading=self._info.reading) as reader:
            start = self._stop
            while (stop := start) > self._first:
                is_near = reader.nearest(stop - 1) > 0
                room = IN_MEMORY if is_near else max(IN_MEMORY, self._chapter_bytes)
                start = max(self._first, stop - max(1, room // self._frame_bytes))
                with SpooledTemporaryFile(IN_MEMORY, dir=str(self._folder)) as file:
                    yield from self._chapter(islice(reader.read_from(start), stop - start), file)

    def _chapter(self, frames: Iterator[Frame], file: IO[bytes]) -> Iterator[Frame]:
        names = []
        for frame in frames:
            file.write(np.ascontiguousarray(frame.image).data)
            names.append((frame.index, frame.name, frame.time, frame.duration))
        for place in reversed(range(len(names))):
            image = np.empty((self._info.height, self._info.width, 3), np.uint8)
            file.seek(place * self._frame_bytes)
            file.readinto(image.reshape(-1).data)  # type: ignore[attr-defined]
            index, name, time, duration = names[place]
            yield Frame(index, name, image, time, duration)
