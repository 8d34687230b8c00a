"""What data sets say of themselves: split files of DAVIS, meta.json of YouTube-VOS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmn_cli.errors import InputError

# ImageSets/2017/val.txt of DAVIS 2017; the 20 of ImageSets/2016/val.txt are among them.
# https://davischallenge.org/davis2017/code.html
# fmt: off
DAVIS_VAL = frozenset({
    "bike-packing", "blackswan", "bmx-trees", "breakdance", "camel", "car-roundabout", "car-shadow",
    "cows", "dance-twirl", "dog", "dogs-jump", "drift-chicane", "drift-straight", "goat",
    "gold-fish", "horsejump-high", "india", "judo", "kite-surf", "lab-coat", "libby", "loading",
    "mbike-trick", "motocross-jump", "paragliding-launch", "parkour", "pigs", "scooter-black",
    "shooting", "soapbox",
})
# fmt: on


@dataclass(frozen=True)
class ObjectInfo:
    """What meta.json of YouTube-VOS says of one object: its category and its frames' names."""

    category: str
    frames: tuple[str, ...]


def read_split(image_sets: Path, folders: Sequence[str], split: str) -> list[str]:
    """Sequence names of a split file: one name a line, or an image and a mask path a line.

    Args:
        image_sets: the folder `ImageSets/`.
        folders: those in it to look into, best first.
        split: the file's stem.

    Raises:
        InputError: there is no such file, or it is empty or names no sequences.
    """
    homes = [image_sets / folder for folder in folders]
    path = next((p for home in homes if (p := home / f"{split}.txt").is_file()), None)
    if path is None:
        known = sorted({p.stem for home in homes for p in home.glob("*.txt")})
        raise InputError(
            f"{homes[0] / split}.txt: no such split.",
            f"Splits at hand: {', '.join(known)}." if known else "",
        )
    names: dict[str, None] = {}
    for line in path.read_text(encoding="utf-8").split("\n"):
        if first := line.split()[:1]:
            names[Path(first[0]).parent.name or first[0]] = None
    if not names:
        raise InputError(f"{path}: the split is empty.")
    _refuse_paths(path, names)
    return list(names)


def read_meta(path: Path) -> dict[str, dict[int, ObjectInfo]]:
    """The objects of every video in a meta.json of YouTube-VOS, by video and id.

    Raises:
        InputError: the file is missing, broken or empty.
    """
    try:
        videos: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["videos"]
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


def _refuse_paths(path: Path, names: Iterable[object]) -> None:
    """Names become folders and files of results: they must not lead out of there."""
    for name in names:
        text = str(name)
        if text in {"", ".", ".."} or set(text) & set("/\\\0"):
            raise InputError(f"{path}: {text!r} is no name of a video or frame.")
