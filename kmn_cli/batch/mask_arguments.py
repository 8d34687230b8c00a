"""The --mask arguments: which files are meant, and for which frames of which video."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kmn_cli.batch.inputs import Video
from kmn_cli.errors import InputError, UsageError
from kmn_cli.files import all_images, split_images
from kmn_cli.media.frame_names import FrameNames
from kmn_cli.media.labels import MaskReader
from kmn_cli.media.masks import Mask, checksum, preview_of

# Label Studio's brush: one picture an object of a task, which is a picture and no frame number.
_LABEL_STUDIO = re.compile(r"(task-\d+)-annotation-\d+-by-.*-\d+")


@dataclass(frozen=True)
class MaskArgument:
    """One --mask: a file or folder, and the frame it is for (None: the first one read).

    Instead of a file it may be a `mask` at hand; `path` is then what it is called.
    """

    path: Path
    frame: str | None = None
    from_folder: bool = False
    mask: Mask | None = None

    def read(self, reader: MaskReader, size: tuple[int, int]) -> Mask:
        """The mask, checked: see `MaskReader.read`."""
        if self.mask is None:
            return reader.read(self.path)
        height, width = self.mask.labels.shape
        if (width, height) != size:
            raise InputError(
                f"The {self.path} is {width}x{height}, but the frames are {size[0]}x{size[1]}.",
                "A mask has one id for each pixel of the frame.",
            )
        return self.mask

    def checksum(self) -> str:
        """Of the file, or of the ids."""
        if self.mask is not None:
            return checksum(self.mask.labels, self.mask.absent)
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


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
    is_own = video.path.is_dir() and folder.resolve() == video.path.resolve()
    images = split_images(folder)[1] if is_own else _masks_in(folder)
    if not images:  # CVAT's export has the objects apart from their classes
        inside = (folder / "SegmentationObject", folder / "SegmentationClass")
        images = next((masks for each in inside if (masks := _masks_in(each))), [])
    names = FrameNames(video.path)
    if alone and images and all(path.stem.isdecimal() for path in images):
        return _for_frames(images)
    own = _for_frames(_masks_in(folder / video.name))
    for path in _masks_in((folder / video.name).parent):
        if path.stem in (Path(video.name).name, video.path.stem):
            return [MaskArgument(path, from_folder=bool(own)), *own]
    if own:
        return own
    if alone and images and all(names.names_a_frame(path.stem) for path in images):
        return _for_frames(images)
    tasks = {found[1] for path in images if (found := _LABEL_STUDIO.fullmatch(path.stem))}
    if alone and len(tasks) == 1:
        return [MaskArgument(path) for path in images]
    if tasks:
        raise InputError(
            f"{folder} holds brush masks of Label Studio, whose names tell a task but no frame.",
            "Give those of one task, as --mask FRAME=MASK once for each file.",
        )
    raise InputError(
        f"{folder}: no mask for {video.path}.",
        f"Expected {video.name}.png, a folder {video.name}/, or, for a single input, masks named "
        "or numbered like its frames (00000.png, frame_000000.png).",
    )


def _for_frames(masks: Sequence[Path]) -> list[MaskArgument]:
    return [MaskArgument(path, path.stem, from_folder=True) for path in masks]


def _masks_in(folder: Path) -> list[Path]:
    """The masks of a folder, without the previews that `kmn init-mask` writes beside them."""
    found = all_images(folder) if folder.is_dir() else []
    previews = {preview_of(path) for path in found}
    return [path for path in found if path not in previews]
