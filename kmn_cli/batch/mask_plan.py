"""The masks of one video, checked and handed out frame by frame."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice

import numpy as np

from kmn_cli.batch.mask_arguments import MaskArgument
from kmn_cli.errors import InputError
from kmn_cli.files import list_images
from kmn_cli.media.frame_names import FrameNames
from kmn_cli.media.labels import MaskReader
from kmn_cli.media.masks import Mask, checksum, combine_masks
from kmn_cli.media.video import Frame, VideoInfo, open_video


class MaskPlan:
    """The masks of one video, checked; called with a frame it gives that frame's mask.

    Files are read again when their frame comes, so that a mask for every frame of a long video
    does not fill the memory.

    Attributes:
        object_ids: sorted ids of all masks.
        palette: of the first mask that has one, 768 bytes.
        warnings: what the masks' repair has to say.
        files: the arguments, by the index of the frame that they are for.
        frames: indices of the frames masks are given for.
        given: ids of the objects that each of them marks.
        absent: ids of those that it names as not in its frame.
        checksums: "frame:sha256" of every file, to tell one run from another.
        contents: "frame:sha256" of every frame's ids, which are what decides: see `checksum`.
    """

    def __init__(
        self, arguments: Sequence[MaskArgument], info: VideoInfo, *, whole: bool = True
    ) -> None:
        """Read and check the masks.

        Args:
            arguments: those of this video.
            info: of the video.
            whole: False when only a part of it is read: a folder's masks of other frames are
                then left out.

        Raises:
            InputError: a mask cannot be used, or is for a frame that is not read.
        """
        self._info = info
        self.files: dict[int, list[MaskArgument]] = {}
        # In a folder of annotations, frames without an object are nothing unusual.
        self._allow_empty = all(argument.from_folder for argument in arguments)
        self._reader = MaskReader(
            (info.width, info.height), shown=info.display_size, allow_empty=self._allow_empty
        )
        names = FrameNames(info.path)
        stop = info.first + info.frames if info.frames else sys.maxsize
        for argument in arguments:
            index = _frame_index(argument, info, names)
            if whole or not argument.from_folder or info.first <= index < stop:
                self.files.setdefault(index, []).append(argument)
        self._prefer_named()
        self._refuse_outside(stop)
        self._refuse_frames()
        self.frames = frozenset(self.files)
        self._seen: set[int] = set()
        self.given: dict[int, frozenset[int]] = {}
        self.absent: dict[int, frozenset[int]] = {}
        self.palette: bytes | None = None
        self.warnings = self._one_based()
        self.checksums: list[str] = []
        self.contents: list[str] = []
        for index, given in sorted(self.files.items()):
            mask = self._read(given)
            self.given[index], self.absent[index] = frozenset(mask.ids), frozenset(mask.absent)
            self.contents.append(f"{index}:{checksum(mask.labels, mask.absent)}")
            self.palette = self.palette or mask.palette
            self.warnings += mask.warnings
            self.checksums += [f"{index}:{one.checksum()}" for one in given]
        self.object_ids = tuple(sorted(frozenset().union(*self.given.values())))
        if not self.object_ids:
            raise InputError(
                f"{arguments[0].path.parent}: no mask marks an object in the frames that are read.",
                "Give at least one mask with an object in it.",
            )

    def __call__(self, frame: Frame) -> np.ndarray | None:
        self._seen.add(frame.index)
        given = self.files.get(frame.index)
        labels = self._read(given).labels if given else None
        return labels if labels is not None and labels.any() else None

    def absent_from(self, frame: Frame) -> frozenset[int]:
        """Ids of the objects that are said not to be in a frame."""
        return self.absent.get(frame.index, frozenset())

    def any_labels(self) -> np.ndarray:
        """One label map with every object in it somewhere, to try the network with."""
        labels = self._read(self.files[min(self.files)]).labels.copy()
        labels.flat[: len(self.object_ids)] = self.object_ids
        return labels

    def check_all_used(self, stop: int) -> None:
        """Refuse masks of frames that never came.

        Args:
            stop: index after the last frame read.

        Raises:
            InputError: naming the mask and the number of frames.
        """
        if left := self.frames - self._seen:
            raise self._outside(min(left), f"{self._info.path} has {stop} frames")

    def _read(self, given: Sequence[MaskArgument]) -> Mask:
        size = (self._info.width, self._info.height)
        return combine_masks([one.read(self._reader, size) for one in given])

    def _prefer_named(self) -> None:
        """Of a folder, VIDEO.png is for the first frame only where VIDEO/ has none for it."""
        for index, given in self.files.items():
            if any(one.frame is not None for one in given):
                named = [one for one in given if one.frame is not None or not one.from_folder]
                self.files[index] = named

    def _refuse_outside(self, stop: int) -> None:
        info = self._info
        first, last = min(self.files, default=info.first), max(self.files, default=info.first)
        if first < info.first:
            raise self._outside(first, f"--start begins at frame {info.first}")
        if last < stop:
            return
        # The number of frames of a video file is an estimate: count them before refusing.
        with open_video(info.path, reading=info.reading) as reader:
            expected = reader.info.frames or 0
            frames = last + 1
            if last >= expected:
                frames = expected if info.is_folder else sum(1 for _ in islice(reader, last + 1))
        if last >= frames:
            raise self._outside(last, f"{info.path} has {frames} frames")
        if stop < expected:
            raise self._outside(last, f"--end stops before frame {stop}")

    def _refuse_frames(self) -> None:
        """Refuse masks that would be frames, too: their frame's number would be lost."""
        folder = self._info.path
        frames = {path.resolve() for path in list_images(folder)} if folder.is_dir() else set()
        for given in self.files.values():
            for one in given:
                if one.mask is None and one.path.resolve() in frames:
                    raise InputError(
                        f"{one.path} is the mask of a frame, and lies among the frames.",
                        "Move it out of the folder, or call it mask.png or NAME_mask.png.",
                    )

    def _one_based(self) -> list[str]:
        """Say so where masks of a video file seem to be numbered from 1."""
        first = self.files.get(1, [])
        if self._info.is_folder or 0 in self.files or not any(one.from_folder for one in first):
            return []
        name = first[0].path
        return [
            f"{name} is taken for frame 1, the second: frames of a video are counted from 0; if it "
            f"is for the first, give --mask 0={name}"
        ]

    def _outside(self, index: int, fact: str) -> InputError:
        return InputError(
            f"{self.files[index][0].path} is for frame {index}, but {fact}.",
            "Frames are counted from 0, also of pictures, whatever the numbers in their names: "
            "give a mask of a frame that is read.",
        )


def _frame_index(argument: MaskArgument, info: VideoInfo, names: FrameNames) -> int:
    if argument.frame is None:
        return info.first
    try:
        find = names.find_by_mask if argument.from_folder else names.find
        return find(argument.frame)
    except InputError as error:
        raise InputError(f"{argument.path}: {error.message}", error.hint) from error
