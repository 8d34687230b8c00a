"""Readers: what all have in common, and that of video files."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from pathlib import Path

from av.video.frame import VideoFrame

from kmn_cli.errors import InputError
from kmn_cli.media.changes import Changes
from kmn_cli.media.colour import Colour, Developer
from kmn_cli.media.container import (
    Clock,
    KeyframeMissed,
    decoded,
    decoded_from,
    open_container,
    video_of,
)
from kmn_cli.media.deinterlace import deinterlaced
from kmn_cli.media.frames import Frame, Reading, VideoInfo
from kmn_cli.media.probe import probe
from kmn_cli.media.timespan import Position, span

_ROWS_LOOK_BACK = 2  # frames
_INTERLACED = "interlaced; each frame is deinterlaced (bwdif)"


class VideoReader(ABC):
    """Frames of one source, one at a time; a context manager that may be left at any frame.

    `warnings` fills while reading: look at it after the last frame.
    """

    def __init__(self, info: VideoInfo) -> None:
        self.info = info
        self.warnings: list[str] = []
        self._frames: Generator[Frame, None, None] | None = None
        self._closed = False

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        """Start at the first frame.

        Raises:
            InputError: while reading, for a damaged picture or a video without frames.
        """
        return self._begin(self._read(self.info.first))

    def read_from(self, index: int) -> Iterator[Frame]:
        """Start at any frame, and as soon as can be: after `nearest(index)`.

        Frames of a damaged file are then counted as if all were there.
        """
        return self._begin(self._read(index))

    def nearest(self, index: int) -> int:
        """Return the first frame that is decoded to get at one."""
        return index

    def close(self) -> None:
        """Stop reading; another thread that waits for a frame gets none."""
        self._closed = True
        if self._frames is not None:
            with contextlib.suppress(ValueError):  # a thread is inside: it ends by itself
                self._frames.close()
            self._frames = None

    def _begin(self, frames: Generator[Frame, None, None]) -> Iterator[Frame]:
        self.close()
        self._closed = False
        self._frames = frames
        return frames

    @abstractmethod
    def _read(self, first: int) -> Generator[Frame, None, None]: ...


class FileReader(VideoReader):
    """The frames of a video file, each once, decoded as they are asked for.

    Frames are counted from the first, so that an index means the same frame whatever the start
    and the codec; those before the start are decoded and dropped, unless `read_from` is asked.
    """

    def __init__(
        self, path: Path, start: Position | None, end: Position | None, reading: Reading
    ) -> None:
        self._probe = probe(path)
        picture, timeline = self._probe.picture, self._probe.timeline
        first, stop = span(path, timeline, start, end)
        super().__init__(
            VideoInfo(
                path=path,
                width=picture.size[0],
                height=picture.size[1],
                fps=timeline.fps,
                frames=stop - first,
                has_audio=self._probe.has_audio,
                is_folder=False,
                first=first,
                shape=picture.shape,
                timeline=timeline,
                reading=reading,
            )
        )
        # The count is an estimate: without an end before it, it must not cut frames off.
        self._stop = stop if stop < len(timeline) else None
        self._keyframes = dict(self._probe.keyframes)

    def read_from(self, index: int) -> Iterator[Frame]:
        return self._begin(self._jump(index))

    def nearest(self, index: int) -> int:
        if self._probe.picture.interlaced:  # those before it have a say in it
            index -= _ROWS_LOOK_BACK
        return max((key for key in self._keyframes if key <= index), default=0)

    def _jump(self, index: int) -> Generator[Frame, None, None]:
        try:
            yield from self._read(index, self.nearest(index))
        except KeyframeMissed:  # nothing has been yielded yet
            self._keyframes.clear()
            yield from self._read(index)

    def _read(self, first: int, key: int = 0) -> Generator[Frame, None, None]:
        info, picture = self.info, self._probe.picture
        self.warnings = _notes(info.path, picture.colour)
        developer = Developer(picture.width, picture.height, picture.turn)
        changes = Changes(picture)
        index, damaged = key - 1, False
        with open_container(info.path) as container:
            stream = video_of(container, info.path)
            clock = Clock(container)
            if key:
                frames = decoded_from(self._keyframes[key], container, clock, stream)
            else:
                frames = decoded(clock.packets(container, stream), stream)
            for shown in self._shown(frames):
                if self._closed or index + 1 == self._stop:
                    break
                if shown is None:
                    damaged = True
                    continue
                index += 1
                changes.see(index, shown, stream)
                if index >= first:
                    time, duration = self._when(index, shown, clock)
                    yield Frame(index, f"{index:05d}", developer.picture(shown), time, duration)
        self.warnings += changes.warnings
        self._judge(index + 1, damaged)

    def _shown(self, frames: Iterator[VideoFrame | None]) -> Iterator[VideoFrame | None]:
        path = self.info.path
        if not self.info.reading.deinterlace:
            return frames
        return deinterlaced(frames, lambda: self.warnings.append(f"{path}: {_INTERLACED}"))

    def _when(self, index: int, frame: VideoFrame, clock: Clock) -> tuple[float, float]:
        """When a frame is shown, and how long: by its own time, lest a damaged one count."""
        if frame.pts is None:
            return self.info.span(index)
        time = clock.seconds(frame.pts, frame.time_base)
        assert self.info.timeline is not None
        known = self.info.timeline.span(self.info.timeline.index(time))
        return known if abs(known[0] - time) < 2e-3 else (time, 1 / self.info.fps)

    def _judge(self, count: int, damaged: bool) -> None:
        """Say what went wrong, after the last frame."""
        path = self.info.path
        if count == 0 and not self._closed:
            raise InputError(
                f"No frame of {path} can be decoded.",
                "Check that the file plays, and that --start lies within it.",
            )
        if damaged or (self._probe.cut_off and self._stop is None):
            self.warnings.append(f"{path} is damaged or cut off: {count} frames could be read")


def _notes(path: Path, colour: Colour) -> list[str]:
    notes = []
    if not colour.is_known:
        notes.append(
            f"{path} stores colours in a way that is not known (matrix {colour.code} of H.273): "
            "they may be wrong; convert it, for example to bt709"
        )
    if colour.is_hdr:
        notes.append(
            f"{path} is HDR ({colour.transfer.upper()}): it is tone-mapped to SDR for the network "
            "and for the pictures that are written"
        )
    return notes
