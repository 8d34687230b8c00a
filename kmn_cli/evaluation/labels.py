"""Reads mask files as strictly as a scorer must: nothing is repaired, nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from kmn_cli.errors import InputError

Labels = npt.NDArray[np.uint8]

_COLOUR = ("RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr", "LAB", "HSV")
_BROKEN = (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError)


def read_labels(path: Path, binary: bool = False) -> Labels:
    """The ids (H, W) uint8 of a mask file.

    Args:
        path: an 8-bit palette or grey PNG, or a 1-bit one.
        binary: every pixel that is not black is object 1, whatever the file's mode.

    Raises:
        InputError: the file is missing, broken, or in colour where ids are asked for.
    """
    try:
        with Image.open(path) as image:
            mode = image.mode
            # Pillow hands out a copy that nobody else holds, and read-only will do.
            pixels = np.asarray(image.convert("RGB") if binary and mode in _COLOUR else image)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such mask.") from error
    except _BROKEN as error:
        raise InputError(f"{path}: cannot be read as a mask ({error}).") from error
    if binary:
        object_1 = np.any(pixels, axis=2) if pixels.ndim == 3 else pixels != 0
        return np.asarray(object_1).view(np.uint8)
    if mode not in ("P", "L", "1"):
        raise InputError(
            f"{path}: a picture of mode {mode}; a mask holds one id a pixel.",
            "Save masks as 8-bit palette PNGs whose index is the object id.",
        )
    return pixels.view(np.uint8)
