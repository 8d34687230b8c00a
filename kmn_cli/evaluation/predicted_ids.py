"""Watches the ids that results hold: those the truth lacks, and objects never predicted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.media.labels import Labels
from kmn_cli.media.masks import VOID

BINARY_HINT = "Masks of 0 and 255 are one object: use --protocol davis2016."


class StrictIds:
    """The official DAVIS 2017 rule: an id above the first mask's is an error, fewer are not."""

    def __init__(self, name: str, object_ids: Sequence[int]) -> None:
        self._name = name
        self._allowed = max(object_ids, default=0)
        self._highest = 0

    def check(self, path: Path, pred: Labels) -> None:
        """Note one result.

        Raises:
            InputError: it holds an id that is too high.
        """
        highest = int(pred.max())
        if highest > self._allowed:
            raise InputError(
                f"{path}: holds id {highest}, but the first mask of {self._name} has "
                f"{counted(self._allowed, 'object')}.",
                BINARY_HINT if highest == VOID else "Results carry the ids of the first mask.",
            )
        self._highest = max(self._highest, highest)

    def warnings(self) -> Iterator[str]:
        """What should be known when all results were noted."""
        if self._highest < self._allowed:
            ids = ", ".join(map(str, range(self._highest + 1, self._allowed + 1)))
            yield f"{self._name}: never predicted, and scored as empty: object {ids}."


class CountedIds:
    """The rule where ids may come later: those the truth never holds are counted."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._true: set[int] = set()
        self._frames: dict[int, set[str]] = {}

    def check(self, path: Path, pred: Labels, truth: Iterable[int]) -> None:
        """Note one result, and the ids that are true in its frame."""
        self._true.update(truth)
        for object_id in ids_in(pred):
            self._frames.setdefault(object_id, set()).add(path.stem)

    def warnings(self) -> Iterator[str]:
        """What should be known when all results were noted."""
        extra = sorted(set(self._frames) - self._true)
        if extra:
            frames = set().union(*(self._frames[i] for i in extra))
            ids = ", ".join(map(str, extra))
            yield f"{self._name}: {counted(len(frames), 'mask')} with ids the truth lacks: {ids}."


def ids_in(labels: Labels) -> tuple[int, ...]:
    """The ids in (H, W) uint8 labels, sorted, without the background."""
    histogram = cv2.calcHist([labels], [0], None, [256], [0, 256])
    return tuple(i for i in np.flatnonzero(histogram).tolist() if i)


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
