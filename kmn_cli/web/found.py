"""Which mask of a frame counts: the result's where it holds, the given one, or the newest."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kmn_cli.batch.result import BACKWARD, RESULT
from kmn_cli.files import read_document
from kmn_cli.media.images import load_image
from kmn_cli.media.masks import Mask, absent_in, checksum
from kmn_cli.web.places import Places


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

    Args:
        places: where they lie.
        removed: when given masks were forgotten, in ns, by frame.
    """

    def __init__(self, places: Places, removed: Mapping[str, int]) -> None:
        self._at, self._removed = places, removed
        self._sums: dict[Path, tuple[int, str]] = {}  # time and sum of a given mask

    def of_frame(self, index: int) -> Iterator[Path]:
        """Where the mask of a frame may lie, the one that counts first."""
        at, name = self._at, f"{self._at.stem(index)}.png"
        result, given = at.folder / "masks" / name, at.given / name
        if self.validity().holds(index, result):
            yield result
        yield given
        found = [result, at.preview / "masks" / name]
        for folder in (at.folder, at.preview):
            found += folder.glob(f"{BACKWARD}/*/{index:06d}.png")
        yield from sorted(found, key=made, reverse=True)

    def of_all(self) -> dict[int, Path]:
        """The mask that counts of each frame that has one."""
        at = self._at
        found: dict[int, Path] = {}
        for folder in (at.preview, at.folder):
            for index, path in at.places(folder / "masks").items():
                _keep_newer(found, index, path)
            for path in folder.glob(f"{BACKWARD}/*/*.png"):
                if path.stem.isdecimal():
                    _keep_newer(found, int(path.stem), path)
        results, validity = at.places(at.folder / "masks"), self.validity()
        valid = {i: path for i, path in results.items() if validity.holds(i, path)}
        return found | at.places(at.given) | valid

    def validity(self) -> Validity:
        """Which results hold.

        Whole results know what they were made from; while they are made anew, the times tell.
        """
        given = self._at.places(self._at.given)
        whole = read_document(self._at.folder / RESULT)
        if whole:
            changes = self._contents() ^ set(whole.get("mask_contents", []))
            changed, newest = [int(each.partition(":")[0]) for each in changes], None
        else:
            times = {i: made(path) for i, path in given.items()}
            times |= {int(i): when for i, when in self._removed.items()}
            changed, newest = list(times), max(times.values(), default=0)
        if not changed:
            return Validity(sys.maxsize, newest)
        # Between the given mask before a change and the change itself, both have a say.
        return Validity(max([i for i in given if i < min(changed)], default=-1) + 1, newest)

    def nothing_left(self) -> bool:
        """Whether results are whole, and made from masks of which none is given any more."""
        were = read_document(self._at.folder / RESULT).get("mask_contents", [])
        return bool(were) and self._contents().isdisjoint(were)

    def _contents(self) -> set[str]:
        """Of the given masks, as result.json has them."""
        places = self._at.places(self._at.given)
        return {f"{index}:{self._sum(path)}" for index, path in places.items()}

    def _sum(self, path: Path) -> str:
        when = made(path)
        if self._sums.get(path, (0, ""))[0] != when:
            mask = read_given(path)
            self._sums[path] = (when, checksum(mask.labels, mask.absent))
        return self._sums[path][1]


def read_given(path: Path) -> Mask:
    """A mask that `write_mask` wrote.

    Raises:
        InputError: it cannot be read.
    """
    image = load_image(path)
    return Mask(np.array(image), absent=absent_in(image))


def made(path: Path) -> int:
    """When a file was written, in ns; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _keep_newer(found: dict[int, Path], index: int, path: Path) -> None:
    if index not in found or made(path) > made(found[index]):
        found[index] = path
