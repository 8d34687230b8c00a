"""One picture a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kmn_cli.files import atomic_folder
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.exports.targets import png


def write_binary(clip: Clip, folder: Path) -> None:
    """Write black-and-white masks, FOLDER/ID/NAME.png, for every object and frame."""
    with atomic_folder(folder) as part:
        for object_id in clip.object_ids:
            (part / str(object_id)).mkdir()
        for frame in clip.frames():
            for object_id in clip.object_ids:
                white = np.where(frame.labels == object_id, np.uint8(255), np.uint8(0))
                (part / str(object_id) / f"{frame.name}.png").write_bytes(png(white))


def write_rgba(clip: Clip, folder: Path) -> None:
    """Write the objects on transparency, FOLDER/NAME.png, with straight alpha."""
    with atomic_folder(folder) as part:
        for frame in clip.frames(pixels=True):
            assert frame.image is not None and frame.alpha is not None
            rgba = np.dstack([frame.image, frame.alpha])
            rgba[frame.alpha == 0] = 0  # what cannot be seen need not be stored
            (part / f"{frame.name}.png").write_bytes(png(rgba))
