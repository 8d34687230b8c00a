"""Which files belong together: DAVIS, YouTube-VOS, and plain folders of videos."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmn_cli.errors import InputError
from kmn_cli.files import is_image, natural_key

_YOUTUBE_SPLITS = {"val": "valid"}


@dataclass(frozen=True)
class ObjectInfo:
    """What meta.json of YouTube-VOS says of one object: its category and its frames' names."""

    category: str
    frames: tuple[str, ...]


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
        names = _read_split(root / "ImageSets", year, split)
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
        InputError: a folder is missing or empty, or meta.json cannot be understood.
    """
    home = root / _YOUTUBE_SPLITS.get(split, split)
    if not home.is_dir():
        home = root / split if (root / split).is_dir() else root
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


def folder_videos(root: Path) -> list[Video]:
    """The videos of any folder: `JPEGImages/V/` + `Annotations/V/`, or masks in `V/`, or in it.

    Raises:
        InputError: there are no masks.
    """
    annotations = _resolution(root / "Annotations") if (root / "Annotations").is_dir() else root
    images = _resolution(root / "JPEGImages")
    videos = [
        _video(folder.name, _pictures(images / folder.name), truth)
        for folder in _folders(annotations)
        if (truth := _masks(folder))
    ]
    if not videos and (truth := _masks(annotations)):
        videos = [_video(root.resolve().name, _pictures(images), truth)]
    if not videos:
        raise InputError(
            f"{root}: no masks here.",
            "Expected Annotations/VIDEO/*.png, VIDEO/*.png or *.png.",
        )
    return videos


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


def find_results(root: Path, name: str) -> Path:
    """Where the masks of one video are among results: `name/masks/`, `Annotations/name/`, `name/`.

    The last is the official place, and is given also when nothing is there.
    """
    others = (root / name / "masks", root / "Annotations" / name)
    return next((folder for folder in others if folder.is_dir()), root / name)


def read_meta(path: Path) -> dict[str, dict[int, ObjectInfo]]:
    """The objects of every video in a meta.json of YouTube-VOS, by video and id.

    Raises:
        InputError: the file is missing, broken or empty.
    """
    try:
        videos: dict[str, Any] = json.loads(path.read_text())["videos"]
        meta = {
            name: {
                int(object_id): ObjectInfo(str(info.get("category", "")), tuple(info["frames"]))
                for object_id, info in video["objects"].items()
            }
            for name, video in videos.items()
        }
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such file.", "YouTube-VOS data describe their objects in meta.json."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a meta.json of YouTube-VOS ({error!r}).") from error
    if not meta:
        raise InputError(f"{path}: names no videos.")
    _refuse_paths(
        path, [*meta, *(f for v in meta.values() for info in v.values() for f in info.frames)]
    )
    return meta


def _read_split(image_sets: Path, year: int, split: str) -> list[str]:
    """Sequence names of a split file: one name a line, or an image and a mask path a line."""
    folders = [image_sets / "2016", image_sets / "480p"] if year == 2016 else [image_sets / "2017"]
    path = next((p for p in (f / f"{split}.txt" for f in folders) if p.is_file()), None)
    if path is None:
        known = sorted(p.stem for folder in folders for p in folder.glob("*.txt"))
        raise InputError(
            f"{folders[0] / split}.txt: no such split.",
            f"Splits at hand: {', '.join(known)}." if known else "",
        )
    names: dict[str, None] = {}
    for line in path.read_text().split("\n"):
        if first := line.split()[:1]:
            names[Path(first[0]).parent.name or first[0]] = None
    if not names:
        raise InputError(f"{path}: the split is empty.")
    _refuse_paths(path, names)
    return list(names)


def _refuse_paths(path: Path, names: Iterable[object]) -> None:
    """Names become folders and files of results: they must not lead out of there."""
    for name in names:
        text = str(name)
        if text in {"", ".", ".."} or set(text) & set("/\\\0"):
            raise InputError(f"{path}: {text!r} is no name of a video or frame.")


def _video(
    name: str,
    frames: tuple[Path, ...],
    truth: tuple[Path, ...],
    full_resolution: tuple[Path, ...] = (),
) -> Video:
    required = tuple(path.stem for path in frames or truth)
    return Video(name, frames, truth, required, full_resolution=full_resolution)


def _resolution(folder: Path) -> Path:
    return folder / "480p" if (folder / "480p").is_dir() else folder


def _folders(folder: Path) -> list[Path]:
    return sorted((p for p in folder.iterdir() if p.is_dir()), key=lambda p: natural_key(p.name))


def _pictures(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    found = (p for p in folder.iterdir() if is_image(p))
    return tuple(sorted(found, key=lambda p: natural_key(p.name)))


def _masks(folder: Path) -> tuple[Path, ...]:
    return tuple(p for p in _pictures(folder) if p.suffix.lower() == ".png")
