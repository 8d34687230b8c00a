"""A label picture as its file has it: indices, numbers, greys or colours.

Pillow alone reads them: OpenCV and imageio expand the indices to colours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from kmn_cli.errors import InputError
from kmn_cli.media.images import load_image
from kmn_cli.media.label_values import MANY, encode
from kmn_cli.media.masks import absent_in
from kmn_cli.media.palette import palette_array, voc_palette

_LOSSY = ("JPEG", "MPO", "JPEG2000", "AVIF", "HEIF")


@dataclass(frozen=True)
class LabelPicture:
    """What a file says of each pixel.

    Attributes:
        path: of the file.
        values: (H, W) uint8 indices or greys, or (H, W, 3) uint8 colours.
        indexed: whether values are indices of a palette.
        one_bit: whether values are 0 and 1, shown as black and white.
        palette: of an index picture, 768 bytes RGB; a transparent index is black.
        numbers: what the values stand for in a file of 16 bits or more: (256,) int64.
        transparent: whether some of it was, and is black now.
        softened: pixels that were half transparent.
        absent: ids that it names as not in its frame: see `Mask`.
    """

    path: Path
    values: np.ndarray
    indexed: bool = False
    one_bit: bool = False
    palette: bytes | None = None
    numbers: np.ndarray | None = None
    transparent: bool = False
    softened: int = 0
    absent: tuple[int, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.values.shape[1], self.values.shape[0]

    @property
    def has_voc_table(self) -> bool:
        """Whether its palette is VOC's, as DAVIS has it, or that with a few colours changed: its
        indices are ids, and 0 is the background also where no pixel is."""
        if self.palette is None:
            return False
        same = (palette_array(self.palette) == voc_palette()).all(axis=1)
        used = np.bincount(self.values.ravel(), minlength=256) > 0
        return bool(same[0] and (same[used].all() or same.mean() > 0.5))

    def as_painted(self) -> LabelPicture:
        """Return colours instead of indices that an image editor numbered as it pleased, and white
        instead of single bits."""
        if self.one_bit:
            return replace(self, values=self.values * np.uint8(255), one_bit=False)
        if self.palette is None:
            return self
        colours, indices = palette_array(self.palette), self.values
        used = np.bincount(indices.ravel(), minlength=256) > 0
        black = np.logical_not(colours.any(axis=1))
        if not used[0] or black[0]:
            return self
        edge = np.concatenate([indices[0], indices[-1], indices[:, 0], indices[:, -1]])
        if not (used & black).any() and np.bincount(edge).argmax() == 0:
            return self
        return replace(self, values=colours[indices], indexed=False, palette=None)


def load_labels(path: Path) -> LabelPicture:
    """Read a label picture of any mode.

    Raises:
        InputError: it cannot be read, or its format blurs values.
    """
    image = load_image(path)
    _refuse_lossy(path)
    if image.mode == "P":
        return _indexed(path, image)
    if image.mode == "1":
        return LabelPicture(path, np.asarray(image).astype(np.uint8), one_bit=True)
    if image.mode == "L":
        return LabelPicture(path, np.asarray(image))
    if image.mode.startswith("I") or image.mode == "F":
        return _deep(path, np.asarray(image))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return _flattened(path, np.asarray(image.convert("RGBA")))
    return LabelPicture(path, np.asarray(image.convert("RGB")))


def is_index_png(path: Path) -> bool:
    """Whether a picture that can be read is a PNG of palette indices, whatever its name says."""
    with Image.open(path) as image:
        return image.format == "PNG" and image.mode == "P"


def _refuse_lossy(path: Path) -> None:
    with Image.open(path) as image:
        kind, packed = image.format or "", image.info.get("compression")
    if kind == "WEBP":
        with path.open("rb") as file:
            is_lossy = b"VP8 " in file.read(64)
    else:
        is_lossy = kind in _LOSSY or packed in ("jpeg", "tiff_jpeg", "webp")
    if is_lossy:
        raise InputError(
            f"{path}: a {kind} picture is no mask: its compression changes the values along edges.",
            "Save the mask as PNG where it was made; a copy of this file as PNG is blurred, too.",
        )


def _indexed(path: Path, image: Image.Image) -> LabelPicture:
    flat = image.getpalette("RGB") or []
    colours = palette_array(bytes(flat + [0] * (768 - len(flat)))).copy()
    clear = image.info.get("transparency")
    if isinstance(clear, bytes):
        colours[[i for i, alpha in enumerate(clear) if alpha == 0]] = 0
    elif clear is not None:
        colours[clear] = 0
    return LabelPicture(
        path,
        np.asarray(image),
        indexed=True,
        palette=colours.tobytes(),
        absent=absent_in(image),
    )


def _deep(path: Path, values: np.ndarray) -> LabelPicture:
    """Return 16- or 32-bit values as 8 bits: ids as they are, larger numbers by their rank."""
    values = np.nan_to_num(values)
    if values.dtype.kind == "f" and 0 < values.max() <= 1:
        return LabelPicture(path, np.round(values.clip(0) * 255).astype(np.uint8))
    if values.min() >= 0 and values.max() <= 255:
        return LabelPicture(path, values.astype(np.uint8))
    found, rank = np.unique(values, return_inverse=True)
    if found[0] == 0 and len(found) == 2 and found[1] == np.iinfo(np.uint16).max:
        return LabelPicture(path, (values > 0).astype(np.uint8) * np.uint8(255))
    if len(found) <= MANY:
        shift = int(found[0] != 0)
        numbers = np.zeros(256, np.int64)
        numbers[shift : len(found) + shift] = found
        ranks = (rank.reshape(values.shape) + shift).astype(np.uint8)
        return LabelPicture(path, ranks, numbers=numbers)
    scale = 255 / values.max(initial=1)
    return LabelPicture(path, np.round(values.clip(0) * scale).astype(np.uint8))


def _flattened(path: Path, rgba: np.ndarray) -> LabelPicture:
    """Colours over black; the alpha channel where the visible part is a picture."""
    colours, alpha = rgba[..., :3], rgba[..., 3]
    if alpha.min() == 255:
        return LabelPicture(path, np.ascontiguousarray(colours))
    shown = np.unique(encode(colours[alpha == 255]))
    if len(shown) > MANY or alpha.max() < 255:  # a picture that was cut out
        return LabelPicture(path, alpha, transparent=True)
    solid = np.where(alpha[..., None] >= 128, colours, np.uint8(0))
    if 0 in shown:  # a black object must not vanish in the background
        solid[(alpha >= 128) & ~colours.any(-1)] = _unused(shown)
    softened = int(np.count_nonzero((alpha > 0) & (alpha < 255)))
    return LabelPicture(path, solid, transparent=True, softened=softened)


def _unused(colours: np.ndarray) -> list[int]:
    bright = ([255, 255, 255], [255, 0, 255], [0, 255, 255], [255, 255, 0])
    return next(c for c in bright if int(encode(np.array(c, np.uint8))) not in colours)
