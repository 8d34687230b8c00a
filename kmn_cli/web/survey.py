"""What became of each object in each frame, for the strip under the timeline."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from kmn_cli.batch.result import RESULT
from kmn_cli.errors import InputError
from kmn_cli.files import read_document
from kmn_cli.media.images import load_image
from kmn_cli.web.found import made
from kmn_cli.web.project import Project

BUDGET = 0.3  # seconds of looking at masks for one answer
SHORT_SIDE = 180  # pixels at which areas are counted
AREA_DIGITS = 6
SIGNS = {"position_jumps": "jumped", "doubtful_at": "may be something else"}
KEPT = 8  # small masks in memory


class Survey:
    """Looks at the masks of a project as they come, some at a time.

    Each frame has a time at which its mask was made and, per object, its share of the picture and
    its steadiness: how much of it was there in the frame before, moved along (intersection over
    union, 0 to 1).
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._seen: dict[int, int] = {}  # frame: time of its mask, ns
        self._small: OrderedDict[int, np.ndarray] = OrderedDict()
        self._entries: dict[int, tuple[int, dict[str, Any]]] = {}  # frame: revision, facts
        self._revision = 0
        self._lock = threading.Lock()

    def since(self, revision: int) -> dict[str, Any]:
        """What has changed since an answer with that revision."""
        with self._lock:
            return self._since(revision)

    def _since(self, revision: int) -> dict[str, Any]:
        files = self._project.found.of_all()
        for gone in set(self._seen) - set(files):
            self._seen.pop(gone)
            self._note(gone, {})
        todo = [i for i, path in sorted(files.items()) if made(path) != self._seen.get(i)]
        end = time.monotonic() + BUDGET
        while todo and time.monotonic() < end:
            with suppress(InputError):  # gone since it was listed: next time
                self._look(todo.pop(0), files)
        given = self._project.given_frames()
        return {
            "revision": self._revision,
            "more": bool(todo),
            "given": given,
            "stale": self._stale(given),
            "signs": self._signs(),
            "frames": {i: facts for i, (at, facts) in self._entries.items() if at > revision},
        }

    def _look(self, index: int, files: Mapping[int, Path]) -> None:
        when = made(files[index])
        self._small.pop(index, None)
        self._compare(index, files)
        self._seen[index] = when
        if index + 1 in self._seen and index + 1 in self._small:  # it came before, backwards
            self._compare(index + 1, files)

    def _compare(self, index: int, files: Mapping[int, Path]) -> None:
        """Note what there is in a frame, and how much of it was there in the frame before."""
        labels = self._read(index, files)
        ids = [int(i) for i in np.unique(labels) if i]
        area = {i: round(float((labels == i).mean()), AREA_DIGITS) for i in ids}
        steady: dict[int, float] = {}
        if index - 1 in files:
            before = self._read(index - 1, files)
            steady = {i: _steadiness(before == i, labels == i) for i in ids}
        self._note(index, {"area": area, "steady": steady})

    def _read(self, index: int, files: Mapping[int, Path]) -> np.ndarray:
        if index not in self._small:
            labels = np.asarray(load_image(files[index]))
            step = max(1, min(labels.shape) // SHORT_SIDE)
            self._small[index] = labels[::step, ::step].copy()
            while len(self._small) > KEPT:
                self._small.popitem(last=False)
        return self._small[index]

    def _note(self, index: int, facts: dict[str, Any]) -> None:
        self._revision += 1
        self._entries[index] = (self._revision, facts)

    def _signs(self) -> list[dict[str, Any]]:
        """What the report of a whole run says of frames, beside what areas tell."""
        objects = read_document(self._project.folder / RESULT).get("objects", [])
        return [
            {"frame": frame, "id": each["id"], "text": text}
            for each in objects
            for sign, text in SIGNS.items()
            for frame in each.get(sign, [])
        ]

    def _stale(self, given: list[int]) -> list[int]:
        """The frames whose masks do not follow from the given ones any more: first and last."""
        project, validity = self._project, self._project.found.validity()
        masks = project.places(project.folder / "masks").items()
        old = [i for i, path in masks if i not in given and not validity.holds(i, path)]
        return [min(old), max(old)] if old else []


def _steadiness(before: np.ndarray, now: np.ndarray) -> float:
    if not before.any() or not now.any():
        return 0.0
    (y0, x0), (y1, x1) = (np.argwhere(each).mean(0) for each in (before, now))
    moved = np.roll(before, (round(y1 - y0), round(x1 - x0)), (0, 1))
    return round(float((moved & now).sum() / (moved | now).sum()), 3)
