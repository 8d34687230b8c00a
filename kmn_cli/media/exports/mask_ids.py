"""Object ids that mean the same in every mask of a video: what stands in the files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.media.label_picture import load_labels
from kmn_cli.media.labels import read_ids
from kmn_cli.media.masks import VOID


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
        first = load_labels(files[0])
        self.size, self.palette = first.size, first.palette
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
        values = read_ids(path)
        height, width = values.shape
        if (width, height) != self.size:
            raise InputError(
                f"{path} is {width}x{height}, but the masks before it are "
                f"{self.size[0]}x{self.size[1]}.",
                "Masks of one video have one size.",
            )
        return values
