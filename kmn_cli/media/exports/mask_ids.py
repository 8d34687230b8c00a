"""Object ids that mean the same in every mask of a video.

A first mask may be repaired and its colours numbered (masks.read_mask); here that would give an
object another id in each frame, so that only what is unambiguous is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.media.images import load_image
from kmn_cli.media.masks import VOID, read_mask
from kmn_cli.media.palette import voc_palette

_HINT = "Save masks as 8-bit palette PNGs whose index is the object's id."


class MaskIds:
    """Reads the masks of one video.

    Attributes:
        size: (width, height) of all masks.
        palette: of the first mask, 768 bytes RGB, if it has one.
        object_ids: sorted.
    """

    def __init__(self, masks: Iterable[Path], object_ids: tuple[int, ...] | None = None) -> None:
        """Look at the masks.

        Args:
            masks: files of one video.
            object_ids: where they are known, the masks need not be looked at for them.

        Raises:
            InputError: a mask cannot be read or holds no ids, or there is no object in any.
        """
        files = list(masks)
        first = load_image(files[0])
        self.size = first.size
        flat = first.getpalette("RGB") if first.mode == "P" else None
        self.palette = bytes(flat + [0] * (768 - len(flat))) if flat else None
        self._is_binary = False
        if object_ids is None:
            seen = np.zeros(256, bool)
            for path in files:
                seen[np.unique(self._values(path))] = True
            self._is_binary = bool(seen[VOID]) and not seen[1:VOID].any()
            found = tuple(i for i in np.flatnonzero(seen).tolist() if 0 < i < VOID)
            object_ids = (1,) if self._is_binary else found
        self.object_ids = object_ids
        if not object_ids:
            raise InputError(
                f"{files[0].parent}: no mask marks an object.",
                "Every pixel of all masks is background: there is nothing to export.",
            )

    def read(self, path: Path) -> np.ndarray:
        """Return the ids (H, W) uint8 of a mask; void is background.

        Raises:
            InputError: it cannot be read, has another size, or holds no ids.
        """
        values = self._values(path)
        if self._is_binary:
            return (values == VOID).view(np.uint8)
        return np.where(values == VOID, np.uint8(0), values)

    def _values(self, path: Path) -> np.ndarray:
        image = load_image(path)
        if image.size != self.size:
            raise InputError(
                f"{path} is {image.size[0]}x{image.size[1]}, but the masks before it are "
                f"{self.size[0]}x{self.size[1]}.",
                "Masks of one video have one size.",
            )
        if image.mode in ("P", "L", "1"):
            return np.asarray(image).astype(np.uint8)
        mask = read_mask(path, allow_empty=True)
        is_voc = mask.palette == voc_palette().tobytes()
        if mask.warnings or not (is_voc or mask.ids in ((), (1,))):
            raise InputError(
                f"{path}: its colours (mode {image.mode}) do not tell the ids of the objects.",
                _HINT,
            )
        return mask.labels
