"""Small stand-ins for data sets as they are published: their folders, names, files and palettes.

Pictures are 64x48 and videos have a few frames; all else is as in the archives one downloads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from drawn_data import draw_disc, draw_frame
from PIL import Image

from kmn_cli.media.palette import voc_palette

SIZE = (48, 64)
YOUTUBE_PALETTE = bytes([0, 0, 0, 236, 95, 103, 249, 145, 87, 250, 200, 99]).ljust(768, b"\0")

Masks = dict[str, np.ndarray]  # by frame name


@dataclass(frozen=True)
class Published:
    """A data set, and how it is used.

    Attributes:
        root: what is named on the command line.
        protocol, split: to evaluate it.
        scored: the true masks of the split's videos, also where the data set hides them.
        is_hidden: whether only the masks that give the objects are published.
        trained: names of the videos to train on; none where there are no masks for it.
        zip_top: of the submission.
    """

    root: Path
    protocol: str
    split: str
    scored: dict[str, Masks]
    is_hidden: bool
    trained: frozenset[str] = frozenset()
    zip_top: str = ""


def draw(names: Sequence[str], objects: int = 1, later: int = 0) -> Masks:
    """Discs that move; the last of the objects comes in at frame `later`."""
    masks = {}
    for t, name in enumerate(names):
        labels = np.zeros(SIZE, np.uint8)
        for k in range(1, objects + 1):
            if k < objects or t >= later:
                labels[draw_disc(SIZE, (14 + t, 24 * k - 12 + 2 * t), 8)] = k
        masks[name] = labels
    return masks


def write_pictures(folder: Path, masks: Masks) -> None:
    folder.mkdir(parents=True)
    for t, (name, labels) in enumerate(masks.items()):
        Image.fromarray(draw_frame(labels > 0, t)).save(folder / f"{name}.jpg", quality=95)


def write_masks(folder: Path, masks: Masks, palette: bytes | None) -> None:
    """Index PNGs with a palette; without one, grey 0 and 255 as DAVIS 2016 has them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, labels in masks.items():
        image = Image.fromarray(labels, "P") if palette else Image.fromarray(labels * 255, "L")
        if palette:
            image.putpalette(palette)
        image.save(folder / f"{name}.png")


def given_only(masks: Masks) -> Masks:
    """What a validation set publishes: for each object its first mask, and nothing else in it."""
    seen: set[int] = set()
    given = {}
    for name, labels in masks.items():
        new = set(np.unique(labels).tolist()) - seen - {0}
        if new:
            given[name] = np.where(np.isin(labels, sorted(new)), labels, 0).astype(np.uint8)
        seen |= new
    return given


def numbers(count: int, *, step: int = 1, start: int = 0, digits: int = 5) -> list[str]:
    return [f"{start + step * t:0{digits}d}" for t in range(count)]


def _davis(root: Path, videos: Mapping[str, Masks], palette: bytes | None) -> None:
    for name, masks in videos.items():
        write_pictures(root / "JPEGImages" / "480p" / name, masks)
        write_masks(root / "Annotations" / "480p" / name, masks, palette)


def _split(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def davis2016(root: Path) -> Published:
    """DAVIS-data.zip: one object in 0 and 255, splits as lists of pairs of files."""
    videos = {name: draw(numbers(5)) for name in ("bear", "blackswan", "camel")}
    _davis(root, videos, None)
    for split, names in {"train": ["bear"], "val": ["blackswan", "camel"]}.items():
        pairs = [
            f"/JPEGImages/480p/{name}/{frame}.jpg /Annotations/480p/{name}/{frame}.png"
            for name in names
            for frame in videos[name]
        ]
        for resolution in ("480p", "1080p"):
            lines = [line.replace("480p", resolution) for line in pairs]
            _split(root / "ImageSets" / resolution / f"{split}.txt", lines)
    scored = {name: videos[name] for name in ("blackswan", "camel")}
    return Published(root, "davis2016", "val", scored, False, frozenset({"bear"}))


def davis2017(root: Path) -> Published:
    """DAVIS-2017-trainval-480p.zip: objects by index, lists of 2016 and 2017."""
    videos = {
        "bear": draw(numbers(5)),
        "bmx-bumps": draw(numbers(6), 2),
        "blackswan": draw(numbers(5)),
        "bike-packing": draw(numbers(5), 2),
    }
    _davis(root, videos, voc_palette().tobytes())
    _split(root / "ImageSets" / "2016" / "train.txt", ["bear"])
    _split(root / "ImageSets" / "2016" / "val.txt", ["blackswan"])
    _split(root / "ImageSets" / "2017" / "train.txt", ["bear", "bmx-bumps"])
    _split(root / "ImageSets" / "2017" / "val.txt", ["bike-packing", "blackswan"])
    for name in ("README.md", "SOURCES.md"):
        (root / name).write_text("DAVIS\n")
    scored = {name: videos[name] for name in ("bike-packing", "blackswan")}
    return Published(root, "davis2017", "val", scored, False, frozenset({"bear", "bmx-bumps"}))


def davis2017_test_dev(root: Path) -> Published:
    """DAVIS-2017-test-dev-480p.zip: only first masks."""
    videos = {"aerobatics": draw(numbers(4), 2), "carousel": draw(numbers(4), 2)}
    for name, masks in videos.items():
        write_pictures(root / "JPEGImages" / "480p" / name, masks)
        palette = voc_palette().tobytes()
        write_masks(root / "Annotations" / "480p" / name, given_only(masks), palette)
    _split(root / "ImageSets" / "2017" / "test-dev.txt", sorted(videos))
    return Published(root, "davis2017", "test-dev", videos, True)


def _meta(path: Path, videos: Mapping[str, Masks], categories: Sequence[str]) -> None:
    """meta.json of YouTube-VOS: each object with the frames from its first on."""
    document: dict[str, dict[str, object]] = {}
    for name, masks in videos.items():
        objects = {}
        for k in sorted(set(np.unique(np.stack(list(masks.values()))).tolist()) - {0}):
            frames = [frame for frame, labels in masks.items() if (labels == k).any()]
            objects[str(k)] = {"category": categories[k - 1], "frames": frames}
        document[name] = {"objects": objects}
    path.write_text(json.dumps({"videos": document}))


def youtube_vos(root: Path, all_frames: bool = False) -> Published:
    """train.zip and valid.zip (2018, 2019), and of 2019 perhaps valid_all_frames.zip.

    Every fifth frame; one video does not start at 0, one lacks a frame; an object comes later, and
    its mask shows nothing but itself.
    """
    train = {
        "003234408d": draw(numbers(5, step=5), 2, later=2),
        "0043f083b5": draw(numbers(4, step=5)),
    }
    valid = {
        "00f88c4f0a": draw([*numbers(3, step=5), "00020", "00025"], 2, later=2),
        "0a49f5265b": draw(numbers(4, step=5, start=20)),
    }
    for split, videos in (("train", train), ("valid", valid)):
        home = root / split
        for name, masks in videos.items():
            write_pictures(home / "JPEGImages" / name, masks)
            published = masks if split == "train" else given_only(masks)
            write_masks(home / "Annotations" / name, published, YOUTUBE_PALETTE)
        _meta(home / "meta.json", videos, ("penguin", "yak"))
    if all_frames:
        for name, masks in valid.items():
            first, last = int(min(masks)), int(max(masks))
            whole = draw(numbers(last - first + 1, start=first))
            write_pictures(root / "valid_all_frames" / "JPEGImages" / name, whole)
    top = "Annotations/"
    return Published(root, "youtube-vos", "val", valid, True, frozenset(train), top)


def youtube_vos_all_frames(root: Path) -> Published:
    return youtube_vos(root, all_frames=True)


def mose(root: Path) -> Published:
    """train.tar.gz and valid.tar.gz: the masks of all frames, and of the first alone."""
    train = {"000c8c43": draw(numbers(5), 2), "001ca3cb": draw(numbers(4))}
    valid = {"0b0f7a83": draw(numbers(4), 2), "0c2b1a1e": draw(numbers(5))}
    for split, videos in (("train", train), ("valid", valid)):
        for name, masks in videos.items():
            write_pictures(root / split / "JPEGImages" / name, masks)
            published = masks if split == "train" else given_only(masks)
            folder = root / split / "Annotations" / name
            write_masks(folder, published, voc_palette().tobytes())
    return Published(root, "folder", "valid", valid, True, frozenset(train))


def lvos(root: Path) -> Published:
    """train/ and valid/: all masks, every fifth number of eight digits, objects that come later."""
    train = {"aBcDeFgH": draw(numbers(4, step=5, start=1, digits=8))}
    valid = {
        "7K7WVzGG": draw(numbers(6, step=5, start=1, digits=8), 2, later=2),
        "d83wYdy0": draw(numbers(4, step=5, start=1, digits=8)),
    }
    for split, videos in (("train", train), ("valid", valid)):
        for name, masks in videos.items():
            write_pictures(root / split / "JPEGImages" / name, masks)
            folder = root / split / "Annotations" / name
            write_masks(folder, masks, voc_palette().tobytes())
        ranges = {
            name: {"objects": {"1": {"frame_range": {"start": min(masks), "end": max(masks)}}}}
            for name, masks in videos.items()
        }
        (root / split / f"{split}_meta.json").write_text(json.dumps({"videos": ranges}))
    return Published(root, "folder", "valid", valid, False, frozenset(train))


DATA_SETS: dict[str, Callable[[Path], Published]] = {
    "davis2016": davis2016,
    "davis2017": davis2017,
    "davis2017-test-dev": davis2017_test_dev,
    "youtube-vos-2018": youtube_vos,
    "youtube-vos-2019": youtube_vos_all_frames,
    "mose": mose,
    "lvos": lvos,
}
