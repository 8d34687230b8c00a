"""Which masks are meant by the --mask arguments, or by what a program passes instead."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from kmn_cli.batch.inputs import Video
from kmn_cli.errors import InputError, UsageError
from kmn_cli.files import list_images
from kmn_cli.media.masks import Mask, combine_masks, read_mask

# A file, the ids of an array (H, W), or a mask that was read.
MaskLike: TypeAlias = "str | Path | np.ndarray | Mask"
# Of the first frame; as --mask takes them, several; or by frame: its index, or its file's name.
MasksLike: TypeAlias = "MaskLike | Sequence[str | Path] | Mapping[int | str, MaskLike]"


@dataclass(frozen=True)
class MaskArgument:
    """One --mask: a file or folder, and the frame it is for (None: the first one read).

    Instead of a file it may be a `mask` at hand; `path` is then what it is called.
    """

    path: Path
    frame: str | None = None
    from_folder: bool = False
    mask: Mask | None = None

    def read(self, size: tuple[int, int], *, allow_empty: bool) -> Mask:
        """The mask, checked: see `read_mask`."""
        if self.mask is None:
            return read_mask(self.path, size, allow_empty=allow_empty)
        height, width = self.mask.labels.shape
        if (width, height) != size:
            raise InputError(
                f"The {self.path} is {width}x{height}, but the frames are {size[0]}x{size[1]}.",
                "A mask has one id for each pixel of the frame.",
            )
        return self.mask

    def checksum(self) -> str:
        """Of the file, or of the ids."""
        data = self.path.read_bytes() if self.mask is None else self.mask.labels.tobytes()
        return hashlib.sha256(data).hexdigest()


def parse_masks(values: Sequence[str], alone: bool) -> list[MaskArgument]:
    """Read --mask arguments: MASK or FRAME=MASK.

    Args:
        values: as typed.
        alone: whether there is only one input; for several, only folders can be matched.

    Raises:
        UsageError: none was given, or one file for several inputs.
        InputError: a file does not exist.
    """
    if not values:
        raise UsageError(
            "No mask given.",
            "--mask MASK.png: a picture of the video's size whose colours or indices are the "
            "objects of its first frame.",
        )
    arguments = [_parse(value) for value in values]
    for argument in arguments:
        if not alone and argument.path.is_file():
            raise UsageError(
                f"{argument.path}: one mask file, but several inputs.",
                "Give a folder with one <name of the video>.png, or folder of masks, for each.",
            )
    return arguments


def _parse(value: str) -> MaskArgument:
    frame, equals, name = value.partition("=")
    argument = MaskArgument(Path(value))
    if equals and frame and not argument.path.exists():  # a file may have a = in its name
        argument = MaskArgument(Path(name), frame)
    if not argument.path.exists():
        raise InputError(f"{argument.path}: no such mask.", "Check the spelling of --mask.")
    if argument.frame is not None and argument.path.is_dir():
        raise InputError(
            f"{argument.path}: is a folder, but --mask {frame}=… names one frame.",
            "Give the mask of that frame, or the folder without a frame.",
        )
    return argument


def masks_of(video: Video, arguments: Sequence[MaskArgument], alone: bool) -> list[MaskArgument]:
    """Pick from the --mask arguments those of one video; folders become their files.

    Args:
        video: the input.
        arguments: all of them.
        alone: whether it is the only input.

    Raises:
        InputError: a folder has no mask for this video.
    """
    found: list[MaskArgument] = []
    for argument in arguments:
        if argument.path.is_dir():
            found += _from_folder(video, argument.path, alone)
        else:
            found.append(argument)
    return found


def _from_folder(video: Video, folder: Path, alone: bool) -> list[MaskArgument]:
    images = list_images(folder)
    frames = {path.stem for path in list_images(video.path)} if video.path.is_dir() else None
    named_like_frames = images and all(
        path.stem in frames if frames else path.stem.isdecimal() for path in images
    )
    if alone and named_like_frames:
        return [MaskArgument(path, path.stem, from_folder=True) for path in images]
    own_folder = folder / video.name
    if own_folder.is_dir() and (own := list_images(own_folder)):
        return [MaskArgument(path, path.stem, from_folder=True) for path in own]
    beside = list_images(own_folder.parent) if own_folder.parent.is_dir() else []
    for path in beside:
        if path.stem == own_folder.name:
            return [MaskArgument(path)]
    raise InputError(
        f"{folder}: no mask for {video.path}.",
        f"Expected {video.name}.png, a folder {video.name}/, or, for a single input, masks named "
        "like its frames (00000.png).",
    )


def to_mask(mask: MaskLike) -> Mask:
    """A mask of whatever is one.

    Raises:
        InputError: a file cannot be read, or an array holds no ids.
    """
    if isinstance(mask, Mask):
        return mask
    if isinstance(mask, (str, Path)):
        return read_mask(mask)
    values = np.asarray(mask)
    is_map = values.ndim == 2 and values.size and values.dtype.kind in "bui"
    if not is_map or not 0 <= values.min() <= values.max() <= 255:
        raise InputError(
            f"The mask is an array of {values.dtype} with shape {values.shape}.",
            "Pass the id of each pixel as (H, W) uint8, 0 for the background.",
        )
    return Mask(np.ascontiguousarray(values, np.uint8))


def by_frame(masks: MasksLike) -> dict[str | None, Mask]:
    """The masks a program passes, read, by frame; None is the first frame.

    Raises:
        InputError: a file cannot be read, or an array holds no ids.
    """
    if isinstance(masks, Mapping):
        return {str(frame): to_mask(mask) for frame, mask in masks.items()}
    if isinstance(masks, Sequence) and not isinstance(masks, str):
        return {None: combine_masks([read_mask(mask) for mask in masks])}
    return {None: to_mask(masks)}


def to_arguments(masks: MasksLike, *, alone: bool = True) -> list[MaskArgument]:
    """What a program passes as masks of one video, or of several, as --mask arguments.

    Raises:
        UsageError: there is none, or one file for several videos.
        InputError: a file does not exist, or an array holds no ids.
    """
    if isinstance(masks, (str, Path)):
        return parse_masks([str(masks)], alone)
    if isinstance(masks, Sequence):
        return parse_masks([str(mask) for mask in masks], alone)
    if not isinstance(masks, Mapping):
        return [MaskArgument(Path("mask"), mask=to_mask(masks))]
    return [_for_frame(str(frame), mask) for frame, mask in masks.items()]


def _for_frame(frame: str, mask: MaskLike) -> MaskArgument:
    if isinstance(mask, (str, Path)):
        return MaskArgument(Path(mask), frame)
    return MaskArgument(Path(f"mask of frame {frame}"), frame, mask=to_mask(mask))
