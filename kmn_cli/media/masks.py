"""Masks: index PNGs, and everything else people give as one.

Pillow alone reads and writes them: OpenCV and imageio expand the indices to colours.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from kmn_cli.errors import InputError
from kmn_cli.files import atomic_path
from kmn_cli.media import mask_values
from kmn_cli.media.images import load_image
from kmn_cli.media.palette import voc_palette

__all__ = ["Mask", "combine_masks", "read_mask", "voc_palette", "write_mask"]

VOID = 255  # "do not care" in DAVIS-like annotations


@dataclass(frozen=True)
class Mask:
    """Object ids (H, W) uint8 with 0 the background, and what was said on reading them.

    `palette` is that of the file, 768 bytes RGB, or None where it had none.
    """

    labels: np.ndarray
    palette: bytes | None = None
    warnings: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        """The objects' ids, sorted."""
        return tuple(int(i) for i in np.unique(self.labels) if i)


def read_mask(
    path: str | Path, size: tuple[int, int] | None = None, *, allow_empty: bool = False
) -> Mask:
    """Read object ids from a P, L, 1, I;16, RGB or RGBA picture.

    Indices and small grey values are ids as they are; {0, v} is one object; other exact colours
    become ids by the VOC palette when all are in it, else in order of first appearance; smoothed
    edges are repaired with a warning.

    Args:
        path: the mask.
        size: (width, height) that it must have; None takes any.
        allow_empty: whether a mask without an object is fine, as in a benchmark's later frames.

    Raises:
        InputError: when it cannot be read, has another size, shows no object, or is no mask.
    """
    path = Path(path)
    image = load_image(path)
    _check_size(path, image.size, size)
    values, palette = _values(image)
    try:
        found = mask_values.to_labels(
            values,
            indices=palette is not None and values.ndim == 2,
            lossy=path.suffix.lower() in (".jpg", ".jpeg"),
        )
    except mask_values.NotAMaskError as error:
        raise InputError(
            f"{path} does not look like a mask: {error}.",
            "Give each object one flat colour on black and save as PNG without smoothing; "
            "`kmn init-mask` draws a first mask.",
        ) from error
    labels, warnings = found.labels, list(found.warnings)
    if VOID in found.ids and len(found.ids) > 1 and not found.renumbered:
        labels = np.where(labels == VOID, np.uint8(0), labels)
        warnings.append("id 255 (void) is read as background")
    if not allow_empty and not labels.any():
        raise InputError(
            f"{path} marks no object: every pixel is background.",
            "Paint each object with an id or a colour other than black.",
        )
    if found.colours is not None:
        palette = found.colours
    elif found.renumbered:
        palette = None
    return Mask(labels, palette, tuple(f"{path}: {text}" for text in warnings))


def write_mask(path: str | Path, labels: np.ndarray, palette: bytes | None = None) -> None:
    """Write ids (H, W) uint8 as an index PNG, whole or not at all; None is the VOC palette.

    Raises:
        KmnError: when the file cannot be written.
    """
    image = Image.fromarray(np.ascontiguousarray(labels, np.uint8), "P")
    image.putpalette(voc_palette().tobytes() if palette is None else palette)
    with atomic_path(Path(path)) as part:
        # Runs of one id are found as fast as anything else, and are all there is to find.
        image.save(part, format="PNG", compress_level=1, compress_type=zlib.Z_RLE)


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
            if count > mask_values.MAX_OBJECTS:
                raise InputError(
                    f"The masks hold more than {mask_values.MAX_OBJECTS} objects.",
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


def _check_size(path: Path, found: tuple[int, int], wanted: tuple[int, int] | None) -> None:
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


def _values(image: Image.Image) -> tuple[np.ndarray, bytes | None]:
    """Return the picture as ids or greys (H, W) uint8 or colours (H, W, 3), and its palette."""
    if image.mode == "P":
        flat = image.getpalette("RGB") or []
        palette = bytes(flat + [0] * (768 - len(flat)))
        indices = np.asarray(image)
        return _colours_if_disordered(indices, palette), palette
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8), None
    if image.mode == "L":
        return np.asarray(image), None
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_values(np.asarray(image)), None
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return _flattened(np.asarray(image.convert("RGBA"))), None
    return np.asarray(image.convert("RGB")), None


def _colours_if_disordered(indices: np.ndarray, palette: bytes) -> np.ndarray:
    """Return the colours where an image editor numbered them, black not being index 0."""
    colours = np.frombuffer(palette, np.uint8).reshape(256, 3)
    used = np.unique(indices)
    black = ~colours[used].any(axis=1)
    if colours[0].any() and 0 in used and black.any():
        return colours[indices]
    return indices


def _deep_values(values: np.ndarray) -> np.ndarray:
    """Return 16- or 32-bit values as 8 bits: ids as they are, larger numbers by their rank."""
    values = np.nan_to_num(values)
    if values.min() >= 0 and values.max() <= 255:
        return values.astype(np.uint8)
    found, rank = np.unique(values, return_inverse=True)
    if len(found) <= mask_values.MANY:
        return (rank.reshape(values.shape) + (found[0] != 0)).astype(np.uint8)
    return np.round(values.clip(0) * (255 / values.max(initial=1))).astype(np.uint8)


def _flattened(rgba: np.ndarray) -> np.ndarray:
    """Return colours over black; the alpha channel where the visible part is a picture."""
    alpha = rgba[..., 3]
    visible = rgba[alpha > 0][:, :3]
    if alpha.min() < 255:
        picture = len(np.unique(mask_values.encode(visible))) > mask_values.MAX_OBJECTS + 1
        if picture or not visible.any():  # a cut-out, or a black silhouette
            return alpha
    return np.round(rgba[..., :3] * (alpha[..., None] / np.float32(255))).astype(np.uint8)
