"""Reading one picture safely."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageOps

from kmn_cli.errors import InputError
from kmn_cli.files import existing

MAX_PIXELS = 8192 * 8192  # a frame of twice 8K; more is a mistake or an attack


def too_large(path: Path, size: str) -> InputError:
    """Return the error for a picture or video that claims more than MAX_PIXELS."""
    return InputError(
        f"{path} claims {size} pixels, more than the {MAX_PIXELS // 10**6} million that are read.",
        "Scale it down first, or check that the file is what it should be.",
    )


def refuse_large(path: Path, width: int, height: int) -> None:
    """Raise InputError for a picture of more than MAX_PIXELS."""
    if width * height > MAX_PIXELS:
        raise too_large(path, f"{width}x{height}")


def unreadable_picture(path: Path, reason: str) -> InputError:
    """Return the error for a file that is no picture, or a damaged one."""
    return InputError(
        f"{path} cannot be read as a picture ({reason}).",
        "Save it again as PNG; a file that was cut off must be copied or made anew.",
    )


def load_image(path: Path) -> Image.Image:
    """Read a picture, upright by its EXIF orientation, in the mode of the file.

    Raises:
        InputError: when it is missing, damaged, not a picture or too large.
    """
    source = existing(path)
    try:
        with Image.open(source) as image:
            refuse_large(path, *image.size)  # the header is read, the pixels are not
            image.load()
            return ImageOps.exif_transpose(image)
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise too_large(path, "too many") from error
    except Exception as error:  # Pillow's decoders raise whatever a damaged file provokes
        raise unreadable_picture(path, str(error)) from error
