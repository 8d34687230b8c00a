"""Which mask of a frame counts: the result's where it holds, the given one, or the newest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kmn_cli.batch.result import BACKWARD, RESULT
from kmn_cli.files import read_document
from kmn_cli.media.images import load_image
from kmn_cli.media.masks import checksum

if TYPE_CHECKING:
    from kmn_cli.web.project import Project


@dataclass(frozen=True)
class Validity:
    """Which masks of results follow from the masks that are given now.

    Attributes:
        start: the first frame whose mask need not.
        newest: when the last mask was given, in ns: masks that were made since then follow from
            it. None where the results are whole, and of other masks.
    """

    start: int
    newest: int | None

    def holds(self, index: int, path: Path) -> bool:
        """Whether the mask of a frame, in a file that may be missing, is one of them."""
        when = made(path)
        since = self.newest is not None and when >= self.newest
        return when > 0 and (index < self.start or since)


class Found:
    """The masks of a project: results, what was given, and what is found while a run lasts.

    A result that holds is what exports contain, and so comes first: it has the pixels that were
    given, and the other objects beside them.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._sums: dict[Path, tuple[int, str]] = {}  # time and sum of a given mask

    def of_frame(self, index: int) -> Iterator[Path]:
        """Where the mask of a frame may lie, the one that counts first."""
        project, name = self._project, f"{self._project.stem(index)}.png"
        result, given = project.folder / "masks" / name, project.given / name
        if self.validity().holds(index, result):
            yield result
        yield given
        found = [result, project.preview / "masks" / name]
        for folder in (project.folder, project.preview):
            found += folder.glob(f"{BACKWARD}/*/{index:06d}.png")
        yield from sorted(found, key=made, reverse=True)

    def of_all(self) -> dict[int, Path]:
        """The mask that counts of each frame that has one."""
        project = self._project
        found: dict[int, Path] = {}
        for folder in (project.preview, project.folder):
            for index, path in project.places(folder / "masks").items():
                _keep_newer(found, index, path)
            for path in folder.glob(f"{BACKWARD}/*/*.png"):
                if path.stem.isdecimal():
                    _keep_newer(found, int(path.stem), path)
        results, validity = project.places(project.folder / "masks"), self.validity()
        valid = {i: path for i, path in results.items() if validity.holds(i, path)}
        return found | project.places(project.given) | valid

    def validity(self) -> Validity:
        """Which results hold.

        Whole results know what they were made from; while they are made anew, the times tell.
        """
        given = self._project.places(self._project.given)
        whole = read_document(self._project.folder / RESULT)
        if whole:
            changes = self._contents() ^ set(whole.get("mask_contents", []))
            changed, newest = [int(each.partition(":")[0]) for each in changes], None
        else:
            times = {i: made(path) for i, path in given.items()}
            times |= {int(i): when for i, when in self._project.notes["removed"].items()}
            changed, newest = list(times), max(times.values(), default=0)
        if not changed:
            return Validity(sys.maxsize, newest)
        # Between the given mask before a change and the change itself, both have a say.
        return Validity(max([i for i in given if i < min(changed)], default=-1) + 1, newest)

    def nothing_left(self) -> bool:
        """Whether results are whole, and made from masks of which none is given any more."""
        were = read_document(self._project.folder / RESULT).get("mask_contents", [])
        return bool(were) and self._contents().isdisjoint(were)

    def _contents(self) -> set[str]:
        """Of the given masks, as result.json has them."""
        places = self._project.places(self._project.given)
        return {f"{index}:{self._sum(path)}" for index, path in places.items()}

    def _sum(self, path: Path) -> str:
        when = made(path)
        if self._sums.get(path, (0, ""))[0] != when:
            self._sums[path] = (when, checksum(np.array(load_image(path))))
        return self._sums[path][1]


def made(path: Path) -> int:
    """When a file was written, in ns; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _keep_newer(found: dict[int, Path], index: int, path: Path) -> None:
    if index not in found or made(path) > made(found[index]):
        found[index] = path
