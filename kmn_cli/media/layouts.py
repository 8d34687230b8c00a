"""Which files belong together: DAVIS, YouTube-VOS, MOSE, LVOS, and plain folders of videos.

The one parser of data sets, for training, evaluation and exports; docs/datasets.md shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.files import list_images, natural_key
from kmn_cli.media.mask_folders import mask_files, resolution, top_of_masks
from kmn_cli.media.split_files import ObjectInfo, read_meta, read_split

_PARTS = ("JPEGImages", "Annotations")
_SPLIT_FOLDERS = {"val": "valid"}
_EXPECTED = (
    "Expected JPEGImages/ + Annotations/ as in DAVIS, here or in a folder train/ as in YouTube-VOS."
)
_DAVIS_LISTS = {2016: ("2016", "480p"), 2017: ("2017",)}


@dataclass(frozen=True)
class Video:
    """The files of one video.

    Attributes:
        name: of the video.
        frames: its pictures in time order; empty where a data set holds masks only.
        truth: its mask files in time order, named like frames; often fewer than the frames.
        required: names of the frames a submission must hold.
        objects: by id, where the data set describes them (YouTube-VOS).
        full_resolution: DAVIS's larger pictures of the same frames, where they are at hand.
    """

    name: str
    frames: tuple[Path, ...]
    truth: tuple[Path, ...]
    required: tuple[str, ...]
    objects: Mapping[int, ObjectInfo] = field(default_factory=dict)
    full_resolution: tuple[Path, ...] = ()


def davis_videos(root: Path, year: int, split: str) -> list[Video]:
    """The videos of a split of DAVIS 2016 or 2017, in the order of its split file.

    A root without `ImageSets/` is taken whole.

    Raises:
        InputError: the split, or a folder it names, is missing or empty.
    """
    images, annotations = root / "JPEGImages" / "480p", root / "Annotations" / "480p"
    if not annotations.is_dir():
        raise InputError(
            f"{annotations}: no such folder.",
            "DAVIS keeps its masks in ROOT/Annotations/480p/SEQUENCE/; for other layouts use "
            "--protocol folder.",
        )
    if (root / "ImageSets").is_dir():
        names = read_split(root / "ImageSets", _DAVIS_LISTS[year], split)
    else:
        names = [folder.name for folder in _folders(annotations)]
    if not names:
        raise InputError(f"{annotations}: holds no sequences.")
    full = root / "JPEGImages" / "Full-Resolution"
    videos = []
    for name in names:
        frames, truth = _pictures(images / name), _pictures(annotations / name)
        if not truth:
            raise InputError(
                f"{annotations / name}: no masks, though the {split} split names {name}."
            )
        videos.append(_video(name, frames, truth, full_resolution=_pictures(full / name)))
    return videos


def youtube_vos_videos(root: Path, split: str) -> list[Video]:
    """The videos of a split of YouTube-VOS, or of any data laid out like it.

    `root` holds `{split}/` (and perhaps `{split}_all_frames/`, whose pictures are then used), or is
    the split's own folder with `meta.json`, `JPEGImages/` and `Annotations/`.

    Raises:
        InputError: the split or a folder is missing or empty, or meta.json cannot be understood.
    """
    home = _split_home(root, split)
    meta = read_meta(home / "meta.json")
    all_frames = home.with_name(f"{home.name}_all_frames") / "JPEGImages"
    videos = []
    for name, objects in sorted(meta.items()):
        truth = _pictures(home / "Annotations" / name)
        if not truth:
            raise InputError(f"{home / 'Annotations' / name}: no masks, though meta.json names it.")
        required = {frame for info in objects.values() for frame in info.frames}
        frames = _pictures(all_frames / name) or _pictures(home / "JPEGImages" / name)
        videos.append(Video(name, frames, truth, tuple(sorted(required, key=natural_key)), objects))
    return videos


def folder_videos(root: Path, split: str) -> list[Video]:
    """The videos of any folder: `JPEGImages/V/` + `Annotations/V/`, or masks in `V/`, or in it.

    Where the data set has a folder of the split's name (MOSE, LVOS), that is taken.

    Raises:
        InputError: there are no masks, or only of other splits.
    """
    home = _split_home(root, split)
    top, images = top_of_masks(home), resolution(home / "JPEGImages")
    videos = []
    if not (top / "masks").is_dir():  # one result of `kmn segment`, and not a folder of them
        videos = [
            _video(folder.name, _pictures(images / folder.name), truth)
            for folder in _folders(top)
            if (truth := mask_files(folder))
        ]
    if not videos and (truth := mask_files(top)):
        videos = [_video(root.resolve().name, _pictures(images), truth)]
    if not videos:
        raise InputError(
            f"{root}: no masks here.",
            "Expected Annotations/VIDEO/*.png, VIDEO/*.png or *.png.",
        )
    return videos


def holds_videos(root: Path, split: str | None = None) -> bool:
    """Whether `annotated_videos` would find pictures of videos here.

    Raises:
        InputError: there are, but of other splits than the one that is named.
    """
    try:
        home = _split_home(root, split or "train")
    except InputError:
        if split is None:
            return False
        raise
    return (home / "JPEGImages").is_dir()


def annotated_videos(
    root: Path, split: str | None = None, names: Sequence[str] | None = None
) -> list[Video]:
    """The videos of a data set to learn from, whatever its layout.

    Args:
        root: DAVIS (with `ImageSets/`), YouTube-VOS, MOSE or LVOS (with `train/`), one of their
            split folders, or any `JPEGImages/` + `Annotations/`.
        split: None is train, where the data set has splits.
        names: these videos, whatever split they are of.

    Raises:
        InputError: there are no videos with masks, no such split, or a named video is missing.
    """
    home = _split_home(root, split or "train")
    images, masks = resolution(home / "JPEGImages"), resolution(home / "Annotations")
    if not masks.is_dir() or not (found := [f.name for f in _folders(images)]):
        raise InputError(f"{root}: no videos with masks here.", _EXPECTED)
    image_sets = home / "ImageSets"
    if names is not None:
        if unknown := [name for name in names if name not in found]:
            raise InputError(
                f"{root}: no such sequences: {', '.join(unknown)}.", "Check the names."
            )
        found = list(names)
    elif image_sets.is_dir():
        lists = (*_DAVIS_LISTS[2017], *_DAVIS_LISTS[2016], ".")
        found = read_split(image_sets, lists, split or "train")
    elif split and home == root and root.resolve().name != split:
        raise InputError(
            f"{root}: has no splits, neither ImageSets/ nor {split}/.", "Leave out --split."
        )
    return [_video(name, _pictures(images / name), _pictures(masks / name)) for name in found]


def select_videos(videos: Sequence[Video], names: Iterable[str]) -> list[Video]:
    """The named videos, in their own order.

    Raises:
        InputError: a name is unknown.
    """
    wanted = list(names)
    unknown = sorted(set(wanted) - {video.name for video in videos})
    if unknown:
        raise InputError(
            f"no such sequences: {', '.join(unknown)}.",
            f"The split holds {', '.join(video.name for video in videos)}.",
        )
    return [video for video in videos if video.name in wanted]


def _split_home(root: Path, split: str) -> Path:
    """The folder of a split, where a data set has one for each; else the root.

    Raises:
        InputError: it has some, but not this one.
    """
    for home in (root / _SPLIT_FOLDERS.get(split, split), root / split):
        if (home / "Annotations").is_dir():
            return home
    splits = [f.name for f in _folders(root) if all((f / part).is_dir() for part in _PARTS)]
    if splits and not (root / "Annotations").is_dir():
        raise InputError(
            f"{root}: no such split: {split}.", f"Splits at hand: {', '.join(splits)}."
        )
    return root


def _video(
    name: str,
    frames: tuple[Path, ...],
    truth: tuple[Path, ...],
    full_resolution: tuple[Path, ...] = (),
) -> Video:
    required = tuple(path.stem for path in frames or truth)
    return Video(name, frames, truth, required, full_resolution=full_resolution)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if p.is_dir()), key=lambda p: natural_key(p.name))


def _pictures(folder: Path) -> tuple[Path, ...]:
    return tuple(list_images(folder)) if folder.is_dir() else ()
