"""COCO: run-length masks, one annotation for every object and frame."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as rle

from kmn_cli.files import atomic_folder, atomic_path, list_images
from kmn_cli.media.exports.categories import categories_of
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.exports.targets import jpeg

IMAGES = "images"


def write_coco(clips: Sequence[Clip], path: Path) -> None:
    """Write the annotations of all videos as one JSON file.

    Beside what COCO defines there are `videos`, and `tracks`: an object through its video.
    """
    with atomic_path(path) as part:
        part.write_text(json.dumps(_document(clips, None)), encoding="utf-8")


def write_coco_with_images(clips: Sequence[Clip], path: Path) -> None:
    """Write the same file, and the frames beside it, images/VIDEO/FRAME.jpg."""
    with atomic_path(path) as part, atomic_folder(path.with_name(IMAGES)) as folder:
        part.write_text(json.dumps(_document(clips, folder)), encoding="utf-8")


def _document(clips: Sequence[Clip], folder: Path | None) -> dict[str, Any]:
    categories = {name: i for i, name in enumerate(categories_of(clips), 1)}
    document: dict[str, Any] = {
        "info": {"description": "Masks exported by kmn", "version": "1.0"},
        "licenses": [],
        "videos": [],
        "images": [],
        "tracks": [],
        "annotations": [],
        "categories": [
            {"id": i, "name": name, "supercategory": ""} for name, i in categories.items()
        ],
    }
    for video_id, clip in enumerate(clips, 1):
        document["videos"].append(
            {"id": video_id, "name": clip.name, "width": clip.width, "height": clip.height}
        )
        tracks = {}
        for object_id in clip.object_ids:
            tracks[object_id] = {
                "id": len(document["tracks"]) + 1,
                "video_id": video_id,
                "category_id": categories[clip.called(object_id)],
                "object_id": object_id,
            }
            document["tracks"].append(tracks[object_id])
        files = _file_names(clip, as_jpeg=folder is not None)
        for file, frame in zip(files, clip.frames(pixels=folder is not None), strict=True):
            image_id = len(document["images"]) + 1
            file_name = f"{clip.name}/{file}"
            image = {
                "id": image_id,
                "file_name": file_name,
                "width": clip.width,
                "height": clip.height,
                "video_id": video_id,
                "frame_id": frame.index,
            }
            document["images"].append(image)
            for object_id in np.intersect1d(frame.labels, clip.object_ids).tolist():
                track = tracks[object_id]
                document["annotations"].append(
                    {
                        "id": len(document["annotations"]) + 1,
                        "image_id": image_id,
                        "video_id": video_id,
                        "track_id": track["id"],
                        "category_id": track["category_id"],
                        "iscrowd": 0,
                        **_shape(frame.labels == object_id),
                    }
                )
            if folder is not None:
                assert frame.image is not None
                target = folder / file_name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(jpeg(frame.image))
    return document


def _shape(mask: np.ndarray) -> dict[str, Any]:
    encoded = rle.encode(np.asfortranarray(mask, np.uint8))
    return {
        "segmentation": {"size": list(encoded["size"]), "counts": encoded["counts"].decode()},
        "area": int(rle.area(encoded)),
        "bbox": [float(v) for v in rle.toBbox(encoded)],
    }


def _file_names(clip: Clip, *, as_jpeg: bool) -> list[str]:
    """Return the names of the pictures: the source's own where it is a folder of frames."""
    source = clip.source
    if source is not None and source.path.is_dir() and not as_jpeg:
        paths = list_images(source.path)
        return [paths[index].name for index in clip.indices]
    return [f"{mask.stem}.jpg" for mask in clip.masks]
