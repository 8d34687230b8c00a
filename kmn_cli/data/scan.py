"""Finds pictures with masks in a folder, and says what is wrong with those it cannot use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from kmn_cli.data.targets import Way, read_targets
from kmn_cli.errors import InputError
from kmn_cli.files import is_image, natural_key
from kmn_cli.media.layouts import annotated_videos

MIN_FRAMES = 3  # of a training sample
LAYOUTS = (
    "Expected images/ + masks/, or JPEGImages/ + Annotations/ (DAVIS, YouTube-VOS), "
    "or pictures with a mask of the same name ending in .png beside them."
)


@dataclass(frozen=True)
class Pair:
    """A picture and the mask that belongs to it."""

    image: Path
    mask: Path


@dataclass
class Scan:
    """What a folder offers for training.

    Attributes:
        clips: videos as pairs in time order; a still image is a clip of one.
        skipped: how many pictures or videos were left out, by reason.
        examples: one path for each reason.
    """

    clips: list[list[Pair]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Path] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The names of its videos, those of their folders."""
        return frozenset(clip[0].image.parent.name for clip in self.clips)

    def skip(self, reason: str, path: Path) -> None:
        self.skipped[reason] += 1
        self.examples.setdefault(reason, path)

    def notes(self) -> list[str]:
        """One line a reason, for people."""
        return [f"{n} skipped: {why}, e.g. {self.examples[why]}" for why, n in self.skipped.items()]


def scan_stills(root: Path) -> Scan:
    """Images with masks: `images/` + `masks/` at any depth, or pairs of one stem side by side.

    Raises:
        InputError: the folder is missing or holds no pair.
    """
    scan = Scan()
    folders = [p.parent for p in _folders(root, "images") if (p.parent / "masks").is_dir()]
    for folder in folders:
        masks = _by_stem(folder / "masks")
        for image in _pictures(folder / "images"):
            if image.stem in masks:
                scan.clips.append([Pair(image, masks[image.stem])])
            else:
                scan.skip("image without a mask", image)
    if not folders:
        pictures = _pictures(root)
        masks = {p.stem.removesuffix("_mask"): p for p in pictures if _looks_like_mask(p)}
        images = [p for p in pictures if not _looks_like_mask(p)]
        scan.clips = [[Pair(p, masks[p.stem])] for p in images if p.stem in masks]
    return _not_empty(scan, root, "no image with a mask")


def scan_videos(
    root: Path,
    sequences: Sequence[str] | None = None,
    *,
    split: str | None = None,
    held_out: Collection[str] = (),
) -> Scan:
    """Videos of DAVIS, YouTube-VOS, MOSE or LVOS, or of any `JPEGImages/` + `Annotations/`.

    Args:
        root: the data set.
        sequences: only these, whatever split they are of.
        split: None is train, where the data set has splits.
        held_out: names of sequences to leave out.

    Raises:
        InputError: the folder is missing, a named sequence is, or nothing is left.
    """
    scan = Scan()
    _must_exist(root)
    videos = annotated_videos(root, split, sequences)
    left_out = [video.name for video in videos if video.name in held_out]
    for video in videos:
        if video.name in held_out:
            continue
        masks = {path.stem: path for path in video.truth}
        clip = [Pair(path, masks[path.stem]) for path in video.frames if path.stem in masks]
        if len(clip) < MIN_FRAMES:
            where = clip[0].image.parent if clip else root / video.name
            scan.skip(f"video with fewer than {MIN_FRAMES} annotated frames", where)
        else:
            scan.clips.append(clip)
    if left_out and not scan.clips:
        raise InputError(
            f"{root}: no video is left to train on, for --val holds out {', '.join(left_out)}.",
            "\n".join([*scan.notes(), "Score other videos, or add some to train on."]),
        )
    return _not_empty(scan, root, "no usable video")


def read_pair(pair: Pair, way: Way | None = None) -> np.ndarray:
    """Image and mask as one array (H, W, 4) uint8: RGB and the object's id.

    Args:
        pair: what to read.
        way: to read the masks of its video; None for one that stands alone.

    Raises:
        InputError: either is unreadable, or their sizes differ.
    """
    try:
        with Image.open(pair.image) as image:
            rgb = np.asarray(image.convert("RGB"))
        labels = read_targets(pair.mask, way)
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{pair.image}: broken image or mask ({error}).") from error
    if rgb.shape[:2] != labels.shape:
        raise InputError(f"{pair.mask}: image and mask differ in size.")
    return np.dstack([rgb, labels])


def _folders(root: Path, name: str) -> list[Path]:
    _must_exist(root)
    return sorted(p for p in root.rglob(name) if p.is_dir())


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        (p for p in folder.iterdir() if is_image(p)), key=lambda path: natural_key(path.name)
    )


def _by_stem(folder: Path) -> dict[str, Path]:
    return {p.stem: p for p in _pictures(folder)}


def _looks_like_mask(path: Path) -> bool:
    """Beside pictures of other formats a PNG is a mask; among PNGs, one named *_mask."""
    if path.stem.endswith("_mask"):
        return True
    return path.suffix.lower() == ".png" and any(
        path.with_suffix(ending).exists() for ending in (".jpg", ".jpeg", ".webp", ".JPG")
    )


def _must_exist(root: Path) -> None:
    if not root.is_dir():
        raise InputError(f"{root}: no such folder.", "Give the folder that holds the data set.")


def _not_empty(scan: Scan, root: Path, what: str) -> Scan:
    if not scan.clips:
        raise InputError(f"{root}: {what} found here.", "\n".join([*scan.notes(), LAYOUTS]))
    return scan
