"""Folders of masks: kmn's own results, and those of other tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.files import existing, natural_key, read_document
from kmn_cli.media.frames import USUAL, Reading
from kmn_cli.media.mask_folders import UNFINISHED, mask_files, top_of_masks


@dataclass(frozen=True)
class MaskFolder:
    """The mask files of one video.

    Attributes:
        name: of the video.
        masks: PNG files, in time order.
        soft: folder of probabilities, one folder an object, where there is one.
        source: the video that result.json names, if it is still there.
        object_ids: what result.json says; None where there is none.
        frames: how many masks there should be by result.json.
        reading: how the video was read, by result.json.
        unfinished: whether the run that makes the masks has not ended, or has ended early.
    """

    name: str
    masks: tuple[Path, ...]
    soft: Path | None = None
    source: Path | None = None
    object_ids: tuple[int, ...] | None = None
    frames: int | None = None
    reading: Reading = USUAL
    unfinished: bool = False


def find_mask_folders(paths: Sequence[Path]) -> list[MaskFolder]:
    """Find the masks in result folders, in folders of them, and in any folder of PNGs.

    Raises:
        InputError: a path is missing or holds no masks, or two videos share a name.
    """
    found = [folder for path in paths for folder in _find(path)]
    by_name: dict[str, MaskFolder] = {}
    for folder in found:
        other = by_name.setdefault(folder.name, folder)
        if other is not folder:
            raise InputError(
                f"{other.masks[0].parent} and {folder.masks[0].parent} are both called "
                f"'{folder.name}'.",
                "Export them one after the other, into different folders.",
            )
    return found


def source_of(folder: Path) -> Path | None:
    """The video that a result of `kmn segment`, or its `masks/`, is of, if it is still there."""
    home = folder.parent if folder.name == "masks" else folder
    video = read_document(home / "result.json").get("input")
    return Path(video) if isinstance(video, str) and Path(video).exists() else None


def _find(path: Path) -> list[MaskFolder]:
    root = existing(path)
    if not root.is_dir():
        raise InputError(
            f"{path} is a file.", "Give the folder that holds the masks, one PNG a frame."
        )
    if here := _one(root, root.name):
        return [here]
    # DAVIS and YouTube-VOS keep the folders of their videos one or two levels down.
    top = top_of_masks(root)
    if inside := list(_below(top, top)):
        return inside
    raise InputError(
        f"{path}: no masks here.",
        "Expected a result folder of `kmn segment` with masks/ in it, several of them, or PNGs "
        "whose index is the object's id.",
    )


def _below(folder: Path, top: Path) -> Iterator[MaskFolder]:
    """The videos below a folder; their names are their paths from the top."""
    children = (c for c in folder.iterdir() if c.is_dir() and not c.name.startswith("."))
    for child in sorted(children, key=lambda path: natural_key(path.name)):
        if one := _one(child, child.relative_to(top).as_posix()):
            yield one
        elif not (child / "result.json").is_file():  # results without masks have other PNGs
            yield from _below(child, top)


def _one(folder: Path, name: str) -> MaskFolder | None:
    """The masks in `folder/masks` or in `folder` itself; None where there are none."""
    if folder.name == "masks" and (folder.parent / "result.json").is_file():
        folder, name = folder.parent, folder.parent.name
    masks = mask_files(folder)
    if not masks:
        return None
    said = read_document(folder / "result.json")
    ids, frames = said.get("object_ids"), said.get("frames")
    return MaskFolder(
        name,
        masks,
        folder / "soft" if (folder / "soft").is_dir() else None,
        source_of(folder),
        tuple(int(i) for i in ids) if isinstance(ids, list) else None,
        frames if isinstance(frames, int) else None,
        _reading(said.get("settings")),
        not said and (folder / UNFINISHED).is_file(),
    )


def _reading(settings: object) -> Reading:
    if not isinstance(settings, dict):
        return USUAL
    fps = settings.get("fps")
    fps = float(fps) if isinstance(fps, int | float) and fps > 0 else None
    return Reading(fps, settings.get("deinterlace") is not False)
