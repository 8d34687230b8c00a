"""Any frame of a video when it is asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.media.frame_names import FrameNames
from kmn_cli.media.frames import Frame, VideoInfo
from kmn_cli.media.video import VideoReader, open_video

_KEPT = 24  # frames that can be gone back to without reading again
_AHEAD = 250  # frames that are rather read on than started anew


class FrameStore:
    """Frames by index; a context manager that many threads may ask, one served at a time.

    Video files are only read forwards: going on is fast, going back starts again.
    """

    def __init__(self, path: Path) -> None:
        """Open the video.

        Raises:
            InputError: when it cannot be read.
        """
        self._path = path
        with open_video(path) as reader:
            self.info: VideoInfo = reader.info
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        self._reader: VideoReader | None = None
        self._frames: Iterator[Frame] = iter(())
        self._next = 0
        self._lock = threading.Lock()

    def __enter__(self) -> FrameStore:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._stop()

    def index(self, name: str) -> int:
        """Return the index of a frame named by number, or by its file's stem.

        Raises:
            InputError: when there is no such frame.
        """
        index = FrameNames(self.info.path).find(name)
        if self.info.is_folder and self.info.frames is not None and index >= self.info.frames:
            raise self._missing(index, self.info.frames)
        return index

    def get(self, index: int) -> Frame:
        """Return a frame.

        Raises:
            InputError: when there is no such frame.
        """
        with self._lock:
            if index not in self._kept:
                self._read(index)
            self._kept.move_to_end(index)
            return self._kept[index]

    def _read(self, index: int) -> None:
        if self.info.frames is not None and index >= self.info.frames:
            raise self._missing(index, self.info.frames)
        if self._reader is None or not self._next <= index < self._next + _AHEAD:
            self._stop()
            self._reader = open_video(self._path, start=f"{index}f")
            self._frames, self._next = iter(self._reader), index
        for frame in self._frames:
            self._next = frame.index + 1
            self._kept[frame.index] = frame
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            if frame.index == index:
                return
        count = self._next
        self._stop()
        raise self._missing(index, count)

    def _missing(self, index: int, count: int) -> InputError:
        return InputError(
            f"{self._path} has no frame {index}: it has {count}.", "Frames are counted from 0."
        )

    def _stop(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
