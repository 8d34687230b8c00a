"""YOLO's segmentation labels: polygons, one line for every object and frame."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path

import numpy as np

from kmn_cli.files import atomic_folder
from kmn_cli.media.exports.categories import categories_of
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.exports.polygons import outline
from kmn_cli.media.exports.targets import jpeg

# Within its pixel a point lies where both cutting and rounding give that pixel back.
INSIDE = 0.49


def write_yolo(clips: Sequence[Clip], folder: Path) -> None:
    """Write FOLDER/labels/VIDEO_FRAME.txt of all videos and data.yaml.

    A / in VIDEO is an underscore; where that makes names that another video has, a number follows
    and the clip's warnings say so.
    """
    _write(clips, folder, images=False)


def write_yolo_with_images(clips: Sequence[Clip], folder: Path) -> None:
    """Write the same and the frames, FOLDER/images/VIDEO_FRAME.jpg."""
    _write(clips, folder, images=True)


def _write(clips: Sequence[Clip], folder: Path, *, images: bool) -> None:
    categories = categories_of(clips)
    with atomic_folder(folder) as part:
        (part / "labels").mkdir()
        if images:
            (part / "images").mkdir()
        for clip, prefix in zip(clips, _prefixes(clips), strict=True):
            for frame in clip.frames(pixels=images):
                lines = [
                    _line(categories.index(clip.called(object_id)), frame.labels == object_id)
                    for object_id in np.intersect1d(frame.labels, clip.object_ids).tolist()
                ]
                stem = f"{prefix}_{frame.name}"
                text = "".join(f"{line}\n" for line in lines)
                (part / "labels" / f"{stem}.txt").write_text(text, encoding="utf-8")
                if images:
                    assert frame.image is not None
                    (part / "images" / f"{stem}.jpg").write_bytes(jpeg(frame.image))
        names = "".join(f"  {i}: {json.dumps(name)}\n" for i, name in enumerate(categories))
        (part / "data.yaml").write_text(
            f"train: images\nval: images\nnames:\n{names}", encoding="utf-8"
        )


def _prefixes(clips: Sequence[Clip]) -> Iterator[str]:
    """What the files of each video begin with, so that no two files of all have one name."""
    taken: set[str] = set()
    for clip in clips:
        flat = clip.name.replace("/", "_")
        for prefix in chain([flat], (f"{flat}-{number}" for number in count(2))):
            stems = {f"{prefix}_{mask.stem}" for mask in clip.masks}
            if taken.isdisjoint(stems):
                break
        if prefix != flat:
            clip.warnings.append(
                f"{clip.name}: its files are called {prefix}_…, for another video has {flat}_…"
            )
        taken |= stems
        yield prefix


def _line(category: int, mask: np.ndarray) -> str:
    points = outline(mask)
    if len(points) < 3:  # one or two pixels, but readers want a polygon
        points = points[[0, -1, 0]]
    places = (points + INSIDE) / (mask.shape[1], mask.shape[0])
    return f"{category} {' '.join(f'{value:.6f}' for value in places.ravel())}"
