"""CVAT's "Segmentation mask 1.1"."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from kmn_cli.files import atomic_path
from kmn_cli.media.exports.categories import categories_of
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.exports.targets import png
from kmn_cli.media.palette import voc_palette


def write_cvat(clip: Clip, path: Path) -> None:
    """Write the zip that CVAT imports into the task of this video.

    Classes and instances are RGB pictures, whose meaning does not depend on a reader's handling
    of palettes. CVAT calls the frames of a video file frame_000000, those of pictures by name.
    """
    categories = categories_of([clip])
    colours = voc_palette()
    # The label map has the colours of classes; instances are always in VOC's, by number.
    class_colours = np.zeros((256, 3), np.uint8)
    instance_colours = np.zeros((256, 3), np.uint8)
    for number, object_id in enumerate(clip.object_ids, 1):
        class_colours[object_id] = colours[categories.index(clip.called(object_id)) + 1]
        instance_colours[object_id] = colours[number]
    is_file = clip.source is not None and not clip.source.is_folder
    names = []
    with atomic_path(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for frame in clip.frames():
            name = f"frame_{frame.index:06d}" if is_file else frame.name
            names.append(name)
            archive.writestr(f"SegmentationClass/{name}.png", png(class_colours[frame.labels]))
            archive.writestr(f"SegmentationObject/{name}.png", png(instance_colours[frame.labels]))
        lines = [f"{name}:{','.join(map(str, colours[i]))}::" for i, name in _labels(categories)]
        header = "# label:color_rgb:parts:actions"
        archive.writestr("labelmap.txt", "\n".join([header, *lines]) + "\n")
        archive.writestr("ImageSets/Segmentation/default.txt", "\n".join(names) + "\n")


def _labels(categories: list[str]) -> list[tuple[int, str]]:
    return list(enumerate(["background", *categories]))
