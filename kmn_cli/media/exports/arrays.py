"""Masks as NumPy arrays."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from kmn_cli.files import atomic_path
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.palette import palette_array


def write_npz(clip: Clip, path: Path) -> None:
    """Write one .npz for numpy.load.

    It holds labels (T, H, W) uint8; frames (T,), the masks' names; indices (T,), of the frames in
    the source; object_ids (K,); names (K,); palette (256, 3) uint8 RGB.
    """
    header = np.lib.format.header_data_from_array_1_0(np.zeros(0, np.uint8))
    header["shape"] = (len(clip.masks), clip.height, clip.width)
    small = {
        "frames": np.array([mask.stem for mask in clip.masks]),
        "indices": np.array(clip.indices),
        "object_ids": np.array(clip.object_ids),
        "names": np.array([clip.called(i) for i in clip.object_ids]),
        "palette": palette_array(clip.palette),
    }
    with (
        atomic_path(path) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        # Written frame by frame: all labels of a long video do not fit into memory.
        with archive.open("labels.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for frame in clip.frames():
                file.write(np.ascontiguousarray(frame.labels).data)
        for name, array in small.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
