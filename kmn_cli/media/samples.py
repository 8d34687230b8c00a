"""Pictures of any depth: their samples, and how bright these are meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.error import FFmpegError
from PIL import Image, ImageOps, PngImagePlugin, TiffImagePlugin

from kmn_cli.errors import InputError
from kmn_cli.files import existing
from kmn_cli.media.images import load_image, refuse_large, unreadable_picture

FFMPEG_ONLY = frozenset({".exr", ".dpx"})
# Formats whose files may hold one picture after another. (A photograph with a preview is none.)
_STACKS = frozenset({"PNG", "GIF", "WEBP", "AVIF", "TIFF"})
_BITS = (8, 10, 12, 14, 16, 24, 32)


@dataclass(frozen=True)
class Samples:
    """A picture as it is stored.

    Attributes:
        array: (H, W) or (H, W, 3), of any type.
        white: the sample that is white; None where the file does not tell.
        linear: whether samples are light itself, as in EXR.
    """

    array: np.ndarray
    white: float | None
    linear: bool = False

    def develop(self, white: float) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB. `white` is used where the file does not tell it."""
        array = self.array
        if array.dtype != np.uint8:
            unit = array.astype(np.float32) / (self.white or white)
            unit = np.clip(np.nan_to_num(unit, posinf=1.0), 0, 1)
            if self.linear:  # IEC 61966-2-1
                unit = np.where(unit <= 0.0031308, 12.92 * unit, 1.055 * unit ** (1 / 2.4) - 0.055)
            array = np.rint(unit * 255).astype(np.uint8)
        return cv2.cvtColor(array, cv2.COLOR_GRAY2RGB) if array.ndim == 2 else array


def is_deep(path: Path) -> bool:
    """Tell from its head whether a picture has samples whose white the file does not tell."""
    if path.suffix.lower() in FFMPEG_ONLY:
        return False
    try:
        with Image.open(path) as image:
            return _is_deep(image)
    except Exception:  # what Pillow does not know may be TIFF of 16 bits
        return path.suffix.lower() in {".tif", ".tiff"}


def white_of(arrays: Iterator[np.ndarray]) -> float:
    """Return the sample that is white in a sequence, from the brightest of all its pictures."""
    top, whole = 0.0, True
    for array in arrays:
        whole &= array.dtype.kind in "iu"
        top = max(top, float(np.nanmax(array, initial=0, where=np.isfinite(array))))
    if not whole and top <= 1.01:
        return 1.0
    return float(2 ** next(bits for bits in (*_BITS, 64) if top < 2**bits) - 1)


def read_samples(path: Path) -> Samples:
    """Read a picture, upright by its EXIF orientation.

    Raises:
        InputError: when it is missing, damaged, not a picture or too large.
    """
    source = existing(path)
    if source.suffix.lower() in FFMPEG_ONLY:
        return _by_ffmpeg(source)
    if not is_deep(source):
        return Samples(np.array(load_image(source).convert("RGB")), 255.0)
    with suppress(InputError):
        image = load_image(source)
        if image.mode in {"I", "F"} or image.mode.startswith("I;"):
            return Samples(np.array(image), None)
    try:
        found, pages = cv2.imdecodemulti(np.fromfile(source, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise unreadable_picture(source, str(error)) from error
    if not found:
        raise unreadable_picture(source, "neither Pillow nor OpenCV knows its kind")
    return Samples(_rgb(pages[0]), None)


def pages_of(path: Path) -> int:
    """Return how many pictures follow each other in a file, all of the first's size."""
    try:
        with Image.open(path) as image:
            count = getattr(image, "n_frames", 1) if image.format in _STACKS else 1
            if count > 1 and isinstance(image, TiffImagePlugin.TiffImageFile):
                size = image.size
                image.seek(1)
                count = count if image.size == size else 1  # smaller ones are previews
            return int(count)
    except Exception:
        return 1  # what is wrong is told by reading it


def read_pages(path: Path) -> Iterator[tuple[Samples, float]]:
    """Yield the pictures of a file, and how many seconds each is shown; 0 is not told.

    Raises:
        InputError: when the file is damaged.
    """
    try:
        with Image.open(path) as image:
            refuse_large(path, *image.size)
            deep = _is_deep(image)
            if deep and image.mode not in {"I", "F"} and not image.mode.startswith("I;"):
                _, pages = cv2.imdecodemulti(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
                yield from ((Samples(_rgb(page), None), 0.0) for page in pages)
                return
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                image.load()
                seconds = float(image.info.get("duration") or 0) / 1000
                page = ImageOps.exif_transpose(image)
                array = np.array(page if deep else page.convert("RGB"))
                yield Samples(array, None if deep else 255.0), seconds
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise unreadable_picture(path, str(error)) from error


def _is_deep(image: Image.Image) -> bool:
    if image.mode in {"I", "F"} or image.mode.startswith("I;"):
        return True
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return max(image.tag_v2.get(258, (8,))) > 8  # BitsPerSample
    if isinstance(image, PngImagePlugin.PngImageFile):
        return any("16B" in str(tile[3]) for tile in image.tile)
    return False


def _rgb(array: np.ndarray) -> np.ndarray:
    """Put OpenCV's channels in our order, without alpha."""
    if array.ndim == 2 or array.shape[2] < 3:
        return array if array.ndim == 2 else array[..., 0]
    return np.ascontiguousarray(array[..., 2::-1])


def _by_ffmpeg(path: Path) -> Samples:
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            refuse_large(path, frame.width, frame.height)
            if path.suffix.lower() == ".exr":
                array = frame.reformat(format="gbrpf32le").to_ndarray()
                return Samples(array, 1.0, linear=True)
            return Samples(frame.reformat(format="gbrp16le").to_ndarray(), float(2**16 - 1))
    except (FFmpegError, StopIteration, ValueError) as error:
        raise unreadable_picture(path, str(error)) from error
