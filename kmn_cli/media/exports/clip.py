"""What every format is made from: the masks of one video beside its frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.files import list_images
from kmn_cli.media.exports.found import MaskFolder
from kmn_cli.media.exports.mask_ids import MaskIds
from kmn_cli.media.frames import Reading, VideoInfo
from kmn_cli.media.images import load_image
from kmn_cli.media.video import open_video


@dataclass(frozen=True)
class ExportFrame:
    """One frame: its index in the source, the stem of its mask, ids (H, W) uint8 of the objects.

    `image` (H, W, 3) uint8 RGB, `alpha` (H, W) uint8, straight, and `time` and `duration`, in
    seconds, as of `Frame`, are there when pixels were asked for and there is a source.
    """

    index: int
    name: str
    labels: np.ndarray
    image: np.ndarray | None = None
    alpha: np.ndarray | None = None
    time: float | None = None
    duration: float | None = None


@dataclass(frozen=True)
class Clip:
    """The masks of one video, ready to be read in order.

    Attributes:
        name: of the video.
        masks: the files, in time order.
        indices: of their frames in the source; without one, their places.
        object_ids: those to export, sorted.
        names: what objects are called, by id.
        source: the video, where it is known.
        unfinished: whether more masks may come.
        warnings: what went wrong without costing a frame.
        on_frame: called after each frame.
    """

    name: str
    masks: tuple[Path, ...]
    indices: tuple[int, ...]
    object_ids: tuple[int, ...]
    reader: MaskIds
    names: Mapping[int, str] = field(default_factory=dict)
    source: VideoInfo | None = None
    soft: Path | None = None
    frames_expected: int | None = None
    unfinished: bool = False
    warnings: list[str] = field(default_factory=list)
    on_frame: Callable[[], None] = lambda: None

    @property
    def width(self) -> int:
        """Pixels."""
        return self.reader.size[0]

    @property
    def height(self) -> int:
        """Pixels."""
        return self.reader.size[1]

    @property
    def palette(self) -> bytes | None:
        """Colours of the ids, 768 bytes RGB; None is the VOC palette."""
        return self.reader.palette

    @property
    def fps(self) -> float:
        """Frames a second at which the masks take as long as their part of the source."""
        assert self.source is not None
        gaps, span = len(self.indices) - 1, self.indices[-1] - self.indices[0]
        return self.source.fps * gaps / span if span else self.source.fps

    def called(self, object_id: int) -> str:
        """Return what an object is called."""
        return self.names.get(object_id, f"object_{object_id}")

    def every(self, step: int) -> Clip:
        """Return the clip with every `step`-th frame."""
        return self.only(range(0, len(self.masks), step))

    def only(self, places: Sequence[int]) -> Clip:
        """Return the clip with the masks at these places."""
        return replace(
            self,
            masks=tuple(self.masks[i] for i in places),
            indices=tuple(self.indices[i] for i in places),
        )

    def frames(self, *, pixels: bool = False) -> Iterator[ExportFrame]:
        """Yield the frames in order.

        Raises:
            InputError: a mask or a frame cannot be read, or the source is shorter than its masks.
        """
        if not pixels or self.source is None:
            for index, path in zip(self.indices, self.masks, strict=True):
                yield ExportFrame(index, path.stem, self._labels(path))
                self.on_frame()
            return
        masks = dict(zip(self.indices, self.masks, strict=True))
        first, stop = self.indices[0], self.indices[-1] + 1
        source = self.source
        with open_video(
            source.path, start=f"{first}f", end=f"{stop}f", reading=source.reading
        ) as reader:
            for frame in reader:
                if frame.index in masks:
                    path = masks.pop(frame.index)
                    labels = self._labels(path)
                    alpha = self._alpha(path.stem, labels)
                    shown = frame.time, frame.duration
                    yield ExportFrame(frame.index, path.stem, labels, frame.image, alpha, *shown)
                    self.on_frame()
            self.warnings.extend(reader.warnings)
        if masks:
            raise InputError(
                f"{self.source.path} ends before frame {min(masks)}, which has a mask.",
                "Name the video that the masks were made from with --video.",
            )

    def _labels(self, path: Path) -> np.ndarray:
        wanted = np.zeros(256, np.uint8)
        wanted[list(self.object_ids)] = self.object_ids
        return wanted[self.reader.read(path)]

    def _alpha(self, name: str, labels: np.ndarray) -> np.ndarray:
        """Return the objects' probability where it was kept, else 255 inside their masks."""
        alpha = np.zeros(labels.shape, np.uint16)
        for object_id in self.object_ids:
            soft = self.soft / str(object_id) / f"{name}.png" if self.soft else None
            if soft is not None and soft.is_file():
                alpha += np.asarray(load_image(soft).convert("L"))
            else:
                alpha[labels == object_id] = 255
        return np.minimum(alpha, 255).astype(np.uint8)


def make_clip(
    folder: MaskFolder,
    video: Path | None = None,
    objects: Sequence[int] = (),
    names: Mapping[int, str] | None = None,
    reading: Reading | None = None,
) -> Clip:
    """Put the masks of a folder beside the frames of their video.

    Args:
        folder: the masks.
        video: the source; None is the one that result.json names, if any.
        objects: ids to export; all if empty.
        names: what objects are called, by id.
        reading: how the source is read; None is as result.json says.

    Raises:
        InputError: masks and source do not fit together, or none of the objects is there.
    """
    reader = MaskIds(folder.masks, folder.object_ids)
    object_ids = tuple(i for i in reader.object_ids if not objects or i in objects)
    if not object_ids:
        raise InputError(
            f"{folder.name} has none of the objects {', '.join(map(str, objects))}.",
            f"It has {', '.join(map(str, reader.object_ids))}.",
        )
    path = video or folder.source
    info = None
    if path is not None:
        with open_video(path, reading=reading or folder.reading) as opened:
            info = opened.info
        if (info.width, info.height) != reader.size:
            raise InputError(
                f"{path} is {info.width}x{info.height}, but its masks are "
                f"{reader.size[0]}x{reader.size[1]}.",
                "Name the video that the masks were made from with --video.",
            )
    clip = Clip(
        folder.name,
        folder.masks,
        _indices(folder.masks, info) if info else tuple(range(len(folder.masks))),
        object_ids,
        reader,
        names or {},
        info,
        folder.soft,
        folder.frames,
        folder.unfinished,
    )
    if clip.unfinished:
        clip.warnings.append(
            f"{clip.name}: the run that makes its masks has not ended; these are the "
            f"{len(clip.masks)} that are there"
        )
    return clip


def _indices(masks: Sequence[Path], info: VideoInfo) -> tuple[int, ...]:
    """Return the frame of each mask: by its name, by its number, or one by one."""
    frames = info.frames or 0
    if info.is_folder:
        paths = list_images(info.path) if info.path.is_dir() else [info.path]
        places = {path.stem: i for i, path in enumerate(paths)}
        if all(path.stem in places for path in masks):
            return tuple(places[path.stem] for path in masks)
    else:
        digits = [re.search(r"(\d+)$", path.stem) for path in masks]
        numbers = [int(found[1]) if found else frames for found in digits]
        # The number of frames is an estimate; masks counted from 1 must be told by it, though.
        counted = min(numbers) == 0 or max(numbers) < frames
        if counted and len(set(numbers)) == len(numbers):
            return tuple(numbers)
    if len(masks) == frames:
        return tuple(range(frames))
    raise InputError(
        f"{masks[0].parent} holds {len(masks)} masks, whose names do not tell the frames of "
        f"{info.path}, which has {frames}.",
        "Name masks like the frames, or by their number from 0 (00000.png).",
    )
