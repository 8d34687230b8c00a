"""Watches the ids that results hold: those the truth lacks, and objects never predicted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.media.labels import Labels
from kmn_cli.media.masks import VOID

BINARY_HINT = "Masks of 0 and 255 are one object: that is --protocol davis2016."


class StrictIds:
    """The rule of DAVIS 2017 and of servers: ids that were not given are errors, fewer are not."""

    def __init__(self, name: str, object_ids: Iterable[int]) -> None:
        self._name = name
        self._given = frozenset(object_ids)
        self._seen: set[int] = set()

    def check(self, path: Path, pred: Labels) -> None:
        """Note one result.

        Raises:
            InputError: it holds an id that was not given.
        """
        ids = ids_in(pred)
        if extra := set(ids) - self._given:
            raise InputError(
                f"{path}: holds id {max(extra)}, but {self._name} has "
                f"{counted(len(self._given), 'object')}: {_listed(self._given)}.",
                BINARY_HINT if VOID in extra else "Results carry the ids of the given masks.",
            )
        self._seen.update(ids)

    def warnings(self) -> Iterator[str]:
        """What should be known when all results were noted."""
        if missing := self._given - self._seen:
            yield f"{self._name}: never predicted, and scored as empty: object {_listed(missing)}."


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
            masks = counted(len(frames), "mask")
            yield f"{self._name}: {masks} with ids the truth lacks: {_listed(extra)}."


def ids_in(labels: Labels) -> tuple[int, ...]:
    """The ids in (H, W) uint8 labels, sorted, without the background."""
    histogram = cv2.calcHist([labels], [0], None, [256], [0, 256])
    return tuple(i for i in np.flatnonzero(histogram).tolist() if i)


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(ids)))


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
