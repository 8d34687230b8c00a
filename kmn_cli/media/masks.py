"""Masks in memory, how several become one, and how they are written; labels.py reads them."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from kmn_cli.errors import InputError
from kmn_cli.files import atomic_path
from kmn_cli.media.palette import voc_palette

MAX_OBJECTS = 255
VOID = 255  # "do not care" in DAVIS-like annotations
_ABSENT = "kmn-absent"  # a text of a PNG: ids with spaces between


def checksum(labels: np.ndarray, absent: Collection[int] = ()) -> str:
    """Of ids (H, W) uint8, to tell masks apart whatever file they are in; "-2-5" behind it names
    the objects that are absent."""
    found = hashlib.sha256(labels.tobytes()).hexdigest()
    return "-".join([found, *map(str, sorted(absent))])


@dataclass(frozen=True)
class Mask:
    """Object ids (H, W) uint8 with 0 the background, and what was said on reading them.

    `palette` is that of the file, 768 bytes RGB, or None where it had none. `absent` are the ids of
    objects that the mask names as not in its frame; of others that have no pixel it says nothing.
    """

    labels: np.ndarray
    palette: bytes | None = None
    warnings: tuple[str, ...] = ()
    absent: tuple[int, ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        """The objects' ids, sorted."""
        return tuple(int(i) for i in np.unique(self.labels) if i)


def write_mask(
    path: str | Path,
    labels: np.ndarray,
    palette: bytes | None = None,
    absent: Collection[int] = (),
) -> None:
    """Write ids (H, W) uint8 as an index PNG, whole or not at all.

    Args:
        path: of the file.
        labels: of the objects that are seen.
        palette: 768 bytes RGB; None is the VOC palette.
        absent: ids that the mask names as not in its frame: see `Mask`.

    Raises:
        KmnError: when the file cannot be written.
    """
    data = index_png(labels, palette, absent)
    with atomic_path(Path(path)) as part:
        part.write_bytes(data)


def index_png(
    labels: np.ndarray, palette: bytes | None = None, absent: Collection[int] = ()
) -> bytes:
    """The file that `write_mask` writes."""
    image = Image.fromarray(np.ascontiguousarray(labels, np.uint8), "P")
    image.putpalette(voc_palette().tobytes() if palette is None else palette)
    about = PngInfo()
    if absent:
        about.add_text(_ABSENT, " ".join(map(str, sorted(absent))))
    file = io.BytesIO()
    # Runs of one id are found as fast as anything else, and are all there is to find.
    image.save(file, format="PNG", compress_level=1, compress_type=zlib.Z_RLE, pnginfo=about)
    return file.getvalue()


def absent_in(image: Image.Image) -> tuple[int, ...]:
    """The ids of the objects that a mask, which `write_mask` wrote, names as absent."""
    words = str(image.info.get(_ABSENT, "")).split()
    return tuple(int(word) for word in words if word.isdecimal() and 0 < int(word) <= MAX_OBJECTS)


def preview_of(mask: Path) -> Path:
    """Where the preview of a mask that is drawn is written: beside it."""
    return mask.with_name(f"{mask.stem}-preview.png")


def combine_masks(masks: Sequence[Mask]) -> Mask:
    """Join masks of one frame into objects 1, 2, ... in their order; the later covers the earlier.

    Raises:
        InputError: when there is none, sizes differ, there are more than 255 objects, or an
            object vanishes under the others.
    """
    if not masks:
        raise InputError("There is no mask to combine.", "Give at least one --mask.")
    if len(masks) == 1:
        return masks[0]
    labels = np.zeros_like(masks[0].labels)
    warnings = [text for mask in masks for text in mask.warnings]
    count = covered = 0
    for mask in masks:
        if mask.labels.shape != labels.shape:
            (h, w), (other_h, other_w) = labels.shape, mask.labels.shape
            raise InputError(
                f"Masks of one frame differ in size: {w}x{h} and {other_w}x{other_h}.",
                "Make all masks of a frame as large as the frame.",
            )
        covered += int(np.count_nonzero(labels[mask.labels > 0]))
        for object_id in mask.ids:
            count += 1
            if count > MAX_OBJECTS:
                raise InputError(
                    f"The masks hold more than {MAX_OBJECTS} objects.",
                    "Segment them in several runs.",
                )
            labels[mask.labels == object_id] = count
    missing = sorted(set(range(1, count + 1)) - set(Mask(labels).ids))
    if missing:
        raise InputError(
            f"Object {missing[0]} lies wholly under the masks given after it.",
            "Give the larger mask first, or leave out the one that is hidden.",
        )
    if covered:
        warnings.append(f"{covered} pixels are in several masks: the later mask takes them")
    return Mask(labels, None, tuple(warnings))


def check_size(path: Path, found: tuple[int, int], wanted: tuple[int, int] | None) -> None:
    """Refuse a mask that is not as large as the frames, both (width, height).

    Raises:
        InputError: saying what to do about it.
    """
    if wanted is None or found == wanted:
        return
    message = f"{path} is {found[0]}x{found[1]} but the frames are {wanted[0]}x{wanted[1]}."
    if abs(found[0] * wanted[1] - found[1] * wanted[0]) <= max(*found, *wanted):
        hint = (
            f"Scale the mask to {wanted[0]}x{wanted[1]} with nearest-neighbour sampling, "
            "so that its edges stay hard."
        )
    elif found == wanted[::-1]:
        hint = "The mask is turned by 90 degrees: draw it on the frame as a player shows it."
    else:
        hint = "Draw the mask on a frame of this very video: even the shape differs."
    raise InputError(message, hint)
