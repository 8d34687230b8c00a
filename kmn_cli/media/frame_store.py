"""Any frame of a video when it is asked for."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.media.frame_names import FrameNames
from kmn_cli.media.frames import USUAL, Frame, Reading, VideoInfo
from kmn_cli.media.video import open_video

_KEPT = 24  # frames that can be gone back to without reading again


class FrameStore:
    """Frames by index; a context manager that many threads may ask, one served at a time.

    Video files are only read forwards: going on is fast, else they are read from a keyframe.
    """

    def __init__(self, path: Path, reading: Reading = USUAL) -> None:
        """Open the video.

        Args:
            path: a video file, a folder of pictures or one picture.
            reading: of what it leaves open.

        Raises:
            InputError: when it cannot be read.
        """
        self._path = path
        self._reader = open_video(path, reading=reading)
        self.info: VideoInfo = self._reader.info
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        self._frames: Iterator[Frame] = iter(())
        self._next = sys.maxsize
        self._lock = threading.Lock()

    def __enter__(self) -> FrameStore:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._reader.close()

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
        if index < self._next or self._reader.nearest(index) > self._next:
            steps_back = 0 < self._next - index < 2 * _KEPT  # more of them may follow
            first = max(0, index + 1 - _KEPT) if steps_back else index
            self._frames, self._next = self._reader.read_from(first), first
        # Where reading breaks off, it begins anew.
        count, self._next = self._next, sys.maxsize
        for frame in self._frames:
            count = frame.index + 1
            self._kept[frame.index] = frame
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            if frame.index == index:
                self._next = count
                return
        raise self._missing(index, count)

    def _missing(self, index: int, count: int) -> InputError:
        return InputError(
            f"{self._path} has no frame {index}: it has {count}.", "Frames are counted from 0."
        )
