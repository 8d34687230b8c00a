"""Readers: a video file and a folder of pictures behind the same verbs."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from PIL import Image

from kmn_cli.errors import InputError, KmnError
from kmn_cli.files import list_images
from kmn_cli.media.ffmpeg import Ffmpeg
from kmn_cli.media.frames import Frame, VideoInfo
from kmn_cli.media.images import load_image
from kmn_cli.media.probe import VIDEO, input_arguments, probe_picture, probe_timeline
from kmn_cli.media.timespan import Position

FOLDER_FPS = 24.0  # pictures have no rate; this is DAVIS's


class VideoReader(ABC):
    """Frames of one source, one at a time; a context manager that may be left at any frame.

    `warnings` fills while reading: look at it after the last frame.
    """

    def __init__(self, info: VideoInfo) -> None:
        self.info = info
        self.warnings: list[str] = []
        self._frames: Generator[Frame, None, None] | None = None

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        """Start at the first frame.

        Raises:
            InputError: while reading, for a damaged picture or a video without frames.
        """
        self.close()
        self._frames = self._read()
        return self._frames

    def close(self) -> None:
        """Stop reading; another thread that waits for a frame gets none."""
        if self._frames is not None:
            with contextlib.suppress(ValueError):  # a thread is inside: it ends by itself
                self._frames.close()
            self._frames = None

    @abstractmethod
    def _read(self) -> Generator[Frame, None, None]: ...


class FolderReader(VideoReader):
    """The pictures of a folder in natural order, or one single picture."""

    def __init__(self, path: Path, start: Position | None, end: Position | None) -> None:
        paths = list_images(path) if path.is_dir() else [path]
        if not paths:
            raise InputError(
                f"{path} holds no pictures.",
                "Give a video file, or a folder of JPEG, PNG or WebP frames.",
            )
        first, stop = span(path, len(paths), FOLDER_FPS, start, end)
        self._paths = paths[first:stop]
        width, height = load_image(self._paths[0]).size
        super().__init__(
            VideoInfo(
                path=path,
                width=width,
                height=height,
                fps=FOLDER_FPS,
                frames=stop - first,
                has_audio=False,
                is_folder=True,
                first=first,
                start_seconds=first / FOLDER_FPS,
            )
        )

    def _read(self) -> Generator[Frame, None, None]:
        wanted = (self.info.width, self.info.height)
        for index, path in enumerate(self._paths, self.info.first):
            picture = load_image(path)
            if picture.size != wanted:
                raise InputError(
                    f"{path} is {picture.size[0]}x{picture.size[1]}, but the frames before it "
                    f"are {wanted[0]}x{wanted[1]}.",
                    "Frames of one video have one size: scale it, or take it out of the folder.",
                )
            if picture.mode.startswith("I"):  # 16 bits, which Pillow would clip to 8
                picture = Image.fromarray((np.asarray(picture) // 256).astype(np.uint8))
            yield Frame(index, path.stem, np.array(picture.convert("RGB")))


class FileReader(VideoReader):
    """The frames of a video file, each once, decoded by ffmpeg as they are asked for.

    Frames are counted from the first, so that an index means the same frame whatever the start
    and the codec; those before the start are decoded and dropped.
    """

    def __init__(self, path: Path, start: Position | None, end: Position | None) -> None:
        picture = probe_picture(path)
        marks = [p.seconds for p in (start, end) if p is not None and p.seconds is not None]
        timeline = probe_timeline(path, marks)
        counted = iter(timeline.before)

        def framed(place: Position | None) -> Position | None:
            return Position(frame=next(counted)) if place and place.seconds is not None else place

        first, stop = span(path, timeline.frames, timeline.fps, framed(start), framed(end))
        seconds = start.seconds if start else None
        super().__init__(
            VideoInfo(
                path=path,
                width=picture.width,
                height=picture.height,
                fps=timeline.fps,
                frames=stop - first,
                has_audio=picture.has_audio,
                is_folder=False,
                first=first,
                start_seconds=first / timeline.fps if seconds is None else seconds,
            )
        )
        # The count is an estimate: without an end before it, it must not cut frames off.
        self._limit = ["-frames:v", str(stop - first)] if stop < timeline.frames else []
        self._process: Ffmpeg | None = None

    def close(self) -> None:
        """Stop reading; another thread that waits for a frame gets none."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
        super().close()

    def _read(self) -> Generator[Frame, None, None]:
        info = self.info
        # Numbering the frames anew keeps ffmpeg from dropping or doubling those whose times
        # are odd; `passthrough` keeps it from filling gaps of a variable rate.
        filters = f"select=gte(n\\,{info.first}),settb=1/25,setpts=N"
        output = [*VIDEO, "-vf", filters, "-fps_mode", "passthrough", "-enc_time_base", "1:25"]
        output += [*self._limit, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        count = 0
        with Ffmpeg([*input_arguments(info.path), *output]) as process:
            self._process = process
            while True:
                image = np.empty((info.height, info.width, 3), np.uint8)
                if _read_into(process, image) < image.nbytes:
                    break
                index = info.first + count
                yield Frame(index, f"{index:05d}", image)
                count += 1
            status = process.finish()
            complaints = process.complaints()
            if self._process is not process:  # closed meanwhile
                return
        self._judge(count, status, complaints)

    def _judge(self, count: int, status: int, complaints: list[str]) -> None:
        """Say what went wrong, after the last frame."""
        path = self.info.path
        reason = complaints[0] if complaints else f"exit status {status}"
        if status < 0:
            raise KmnError(
                f"ffmpeg was ended by signal {-status} after {count} frames of {path}.",
                "Run the command again; if it happens again, look whether memory runs out.",
            )
        if count == 0:
            raise InputError(
                f"No frame of {path} can be decoded ({reason}).",
                "Check that the file plays, and that --start lies within it.",
            )
        if status or complaints:
            self.warnings.append(
                f"{path} is damaged or cut off: {count} frames could be read (ffmpeg: {reason})"
            )


def _read_into(process: Ffmpeg, image: np.ndarray) -> int:
    """Fill `image` from the pipe and return the bytes read: fewer at the end."""
    view = image.reshape(-1).data
    done = 0
    while done < len(view):
        got: int = process.stdout.readinto(view[done:])  # type: ignore[attr-defined]
        if not got:
            break
        done += got
    return done


def span(
    path: Path, frames: int, fps: float, start: Position | None, end: Position | None
) -> tuple[int, int]:
    """Return the first frame and the one after the last.

    Raises:
        InputError: when no frame lies between.
    """
    first = start.index(fps) if start else 0
    stop = min(end.index(fps), frames) if end else frames
    if first >= frames:
        raise InputError(
            f"{path} ends before the start: it has {frames} frames ({frames / fps:.2f} s).",
            "Choose an earlier --start.",
        )
    if stop <= first:
        raise InputError(
            f"No frame of {path} lies between the start (frame {first}) and the end.",
            "Choose an --end after --start; the frame at the end is not part of the result.",
        )
    return first, stop
