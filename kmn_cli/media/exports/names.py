"""What objects are called: for all videos, and for one."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kmn_cli.errors import InputError, UsageError

_HINT = "Write 1=dog,2=cat, or VIDEO:1=dog for one video, or name a CSV: video,id,name."


@dataclass(frozen=True)
class ObjectNames:
    """Names by id.

    Attributes:
        common: of all videos.
        own: of single videos, by the video's name; they go before the common ones.
    """

    common: Mapping[int, str] = field(default_factory=dict)
    own: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def of(self, video: str) -> dict[int, str]:
        """Return the names of a video's objects."""
        return {**self.common, **self.own.get(video, {})}

    def unused(self, ids: Mapping[str, set[int]]) -> list[str]:
        """Return what names nothing: the objects, as typed, that no video has.

        Args:
            ids: of the objects of each video.
        """
        known = set().union(*ids.values())
        lost = [str(i) for i in sorted(set(self.common) - known)]
        for video, names in self.own.items():
            lost += [f"{video}:{i}" for i in names if i not in ids.get(video, set())]
        return lost


def parse_names(text: str | None) -> ObjectNames:
    """Read "1=dog,cat-video:1=cat", or a CSV file with the columns video, id and name, of which an
    empty video is every one; nothing for None.

    Raises:
        UsageError: for anything else.
        InputError: a CSV file cannot be read.
    """
    common: dict[int, str] = {}
    own: dict[str, dict[int, str]] = {}
    if not text:
        return ObjectNames()
    is_file = "=" not in text and text.lower().endswith(".csv")
    for video, number, name in _rows(Path(text)) if is_file else _pieces(text):
        # A colon or a line break would break the label map of CVAT.
        if not (number.isdecimal() and name.isprintable() and name) or ":" in name:
            said = f"{video}:{number}={name}" if video else f"{number}={name}"
            raise UsageError(f"--names {text}: {said!r} names no object.", _HINT)
        (own.setdefault(video, {}) if video else common)[int(number)] = name
    return ObjectNames(common, own)


def _pieces(text: str) -> Iterator[tuple[str, str, str]]:
    for piece in filter(None, text.split(",")):
        before, _, name = (part.strip() for part in piece.partition("="))
        video, _, number = before.rpartition(":")
        yield video, number, name


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"id", "name"} <= set(reader.fieldnames or ()):
                raise InputError(f"{path}: no columns called id and name.", _HINT)
            for row in reader:
                video, number, name = (row.get(key) or "" for key in ("video", "id", "name"))
                yield video.strip(), number.strip(), name.strip()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}).", _HINT) from error
