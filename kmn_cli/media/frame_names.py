"""Which frame of a source a name or a number means: a file's own number, and never a neighbour's.

Frames of a video file are counted from 0. Pictures are called by their names or by the numbers in
them, wherever these begin and whatever they leave out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.files import list_images

# "00012", "frame_000012", "shot.1012", "f12", "00012_mask", "x_000019_leftImg8bit"
_NUMBER = re.compile(r"(\d{1,9})([ ._-][a-zA-Z]\w*)?$")
_PLAIN = frozenset(("", "f", "frame", "frames", "im", "img", "image", "mask", "masks", "label"))
_CVAT = re.compile(r"frame_(\d{6,9})")  # of a video, counted from 0 whatever its frames are called


class FrameNames:
    """The frames of one source by name and number."""

    def __init__(self, path: Path) -> None:
        """Look at the names of the pictures, where `path` is a folder of them."""
        self._path = path
        self._stems = [each.stem for each in list_images(path)] if path.is_dir() else []
        self._places = {stem: index for index, stem in enumerate(self._stems)}
        numbers = [_number(stem) for stem in self._stems]
        self._numbers = {found[1]: index for index, found in enumerate(numbers) if found}
        if len(self._numbers) < len(self._stems):  # some have none, or two have the same
            self._numbers = {}
        own = {found[0] for found in numbers if found}
        name = path.name if path.is_dir() else path.stem
        self._prefixes = _PLAIN | {_bare(text) for text in (*own, name, f"{name}_frame")}

    def find(self, name: str) -> int:
        """Return the index of the frame that somebody calls so.

        Raises:
            InputError: there is no such frame.
        """
        if name in self._places:
            return self._places[name]
        path = self._path
        if not re.fullmatch("[0-9]{1,9}", name):
            raise InputError(
                f"'{name}' is not a frame of {path}.",
                "Frames are counted from 0; for a folder of frames, a file's name or number works.",
            )
        number = int(name)
        if not self._numbers or (number == 0 and 0 not in self._numbers):
            return number
        if number not in self._numbers:
            raise InputError(
                f"{path} has no frame numbered {number}: its frames are {_listed(self._stems)}.",
                "Name a frame by the number in its file's name, or by the name.",
            )
        return self._numbers[number]

    def names_a_frame(self, stem: str) -> bool:
        """Whether a mask is called as one of a frame of this source is, of whichever frame."""
        found = _number(stem)
        known = stem in self._places or _without_word(stem) in self._places
        return known or (found is not None and _bare(found[0]) in self._prefixes)

    def find_by_mask(self, stem: str) -> int:
        """Return the index of the frame that a mask in a folder is called after.

        Raises:
            InputError: there is no such frame.
        """
        for name in (stem, _without_word(stem)):
            if name in self._places:
                return self._places[name]
        found = _number(stem)
        if found is None:
            return self.find(stem)
        by_cvat = _CVAT.fullmatch(stem) and not any(map(_CVAT.fullmatch, self._stems))
        if by_cvat or not self._numbers:
            return found[1]
        if found[1] not in self._numbers:
            raise InputError(
                f"{self._path} has no frame numbered {found[1]}, which a mask is named after: "
                f"its frames are {_listed(self._stems)}.",
                "Name masks like the frames they are for.",
            )
        return self._numbers[found[1]]


def _number(stem: str) -> tuple[str, int] | None:
    """Return what stands before the number of a file, and the number."""
    found = _NUMBER.search(stem)
    return (stem[: found.start()], int(found[1])) if found else None


def _without_word(stem: str) -> str:
    return re.sub(r"[ ._-](mask|masks|label|labels|seg|gt)$", "", stem, flags=re.IGNORECASE)


def _bare(prefix: str) -> str:
    return prefix.rstrip(" ._-").casefold()


def _listed(stems: Sequence[str]) -> str:
    shown = [*stems[:3], "…", stems[-1]] if len(stems) > 4 else stems
    return ", ".join(shown)
