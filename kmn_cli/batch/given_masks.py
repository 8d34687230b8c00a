"""What a program passes as masks, instead of --mask arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from kmn_cli.batch.mask_arguments import MaskArgument, parse_masks
from kmn_cli.errors import InputError
from kmn_cli.media.labels import MaskReader
from kmn_cli.media.masks import Mask, combine_masks

# A file, the ids of an array (H, W), or a mask that was read.
MaskLike: TypeAlias = "str | Path | np.ndarray | Mask"
# Of the first frame; as --mask takes them, several; or by frame: its index, or its file's name.
MasksLike: TypeAlias = "MaskLike | Sequence[str | Path] | Mapping[int | str, MaskLike]"


def to_mask(mask: MaskLike, reader: MaskReader | None = None) -> Mask:
    """A mask of whatever is one.

    Args:
        mask: a file, an array or a mask.
        reader: of all the files of a video; None where it stands alone.

    Raises:
        InputError: a file cannot be read, or an array holds no ids.
    """
    if isinstance(mask, Mask):
        return mask
    if isinstance(mask, (str, Path)):
        if Path(mask).is_dir():
            raise InputError(f"{mask} is a folder.", "Pass its files by frame: {0: …, 4: …}.")
        return (reader or MaskReader()).read(Path(mask))
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
    reader = MaskReader()
    if isinstance(masks, Mapping):
        return {str(frame): to_mask(mask, reader) for frame, mask in masks.items()}
    if isinstance(masks, Sequence) and not isinstance(masks, str):
        return {None: combine_masks([to_mask(mask, reader) for mask in masks])}
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
