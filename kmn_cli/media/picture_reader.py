"""Readers of videos that are pictures: files of a folder, or pages of one file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.files import list_images
from kmn_cli.media.frames import Frame, Reading, VideoInfo
from kmn_cli.media.samples import Samples, pages_of, read_pages, read_samples, white_of
from kmn_cli.media.timeline import Timeline, constant, from_durations
from kmn_cli.media.timespan import Position, span
from kmn_cli.media.video_reader import VideoReader

FOLDER_FPS = 24.0  # pictures have no rate; this is DAVIS's


class _PictureReader(VideoReader):
    """Pictures of one size, one after the other."""

    def __init__(
        self,
        path: Path,
        timeline: Timeline,
        start: Position | None,
        end: Position | None,
        reading: Reading,
        *,
        is_folder: bool,
    ) -> None:
        first, self._stop = span(path, timeline, start, end)
        height, width = next(self._pictures(0))[1].array.shape[:2]
        super().__init__(
            VideoInfo(
                path=path,
                width=width,
                height=height,
                fps=timeline.fps,
                frames=self._stop - first,
                has_audio=False,
                is_folder=is_folder,
                first=first,
                timeline=timeline,
                reading=reading,
            )
        )

    @abstractmethod
    def _pictures(self, first: int) -> Iterator[tuple[Path | None, Samples]]:
        """Yield the pictures from an index on, and the files of those that have their own."""

    def _read(self, first: int) -> Generator[Frame, None, None]:
        info = self.info
        wanted = (info.width, info.height)
        white = 0.0
        pictures = islice(self._pictures(first), self._stop - first)
        for index, (path, samples) in enumerate(pictures, first):
            size = samples.array.shape[1::-1]
            if size != wanted:
                raise InputError(
                    f"{path or info.path} is {size[0]}x{size[1]}, but the frames before it "
                    f"are {wanted[0]}x{wanted[1]}.",
                    "Frames of one video have one size: scale it, or take it out of the folder.",
                )
            if samples.white is None and not white:
                white = self._find_white()
            name = path.stem if path else f"{index:05d}"
            yield Frame(index, name, samples.develop(white), *info.span(index))

    def _find_white(self) -> float:
        """From all pictures, not from each: a dark one must not come out bright."""
        pictures = (samples for _, samples in self._pictures(0))
        white = white_of(samples.array for samples in pictures if samples.white is None)
        self.warnings = [
            f"{self.info.path}: samples up to {white:g} are taken for white, by the brightest of "
            "all pictures"
        ]
        return white


class FolderReader(_PictureReader):
    """The pictures of a folder in natural order, or some files of it."""

    def __init__(
        self,
        path: Path,
        files: Sequence[Path],
        start: Position | None,
        end: Position | None,
        reading: Reading,
    ) -> None:
        self._files = list(files)
        timeline = constant(len(files), reading.fps or FOLDER_FPS)
        super().__init__(path, timeline, start, end, reading, is_folder=True)

    def _pictures(self, first: int) -> Iterator[tuple[Path | None, Samples]]:
        for file in self._files[first:]:
            if pages_of(file) > 1:
                raise InputError(
                    f"{file} holds more than one picture.",
                    "Give it by itself: its pictures are the frames of a video.",
                )
            yield file, read_samples(file)


class StackReader(_PictureReader):
    """The pictures of one file: an animated WebP, AVIF, PNG or GIF, or the pages of a TIFF."""

    def __init__(
        self, path: Path, start: Position | None, end: Position | None, reading: Reading
    ) -> None:
        self._path = path
        durations = [seconds for _, seconds in read_pages(path)]
        told = reading.fps is None and any(durations)
        timeline = (
            from_durations([seconds or 0.1 for seconds in durations])  # as browsers take it
            if told
            else constant(len(durations), reading.fps or FOLDER_FPS)
        )
        super().__init__(path, timeline, start, end, reading, is_folder=False)

    def _pictures(self, first: int) -> Iterator[tuple[Path | None, Samples]]:
        return ((None, samples) for samples, _ in islice(read_pages(self._path), first, None))


def open_pictures(
    path: Path, start: Position | None, end: Position | None, reading: Reading
) -> VideoReader:
    """Open a folder of pictures, or a file of one or several.

    Raises:
        InputError: when there is none, or one cannot be read.
    """
    files = list_images(path) if path.is_dir() else [path]
    if not files:
        raise InputError(
            f"{path} holds no pictures.",
            "Give a video file, or a folder of JPEG, PNG, TIFF or WebP frames.",
        )
    if len(files) == 1 and pages_of(files[0]) > 1:
        return StackReader(files[0], start, end, reading)
    return FolderReader(path, files, start, end, reading)
