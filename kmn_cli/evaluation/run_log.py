"""segmentation.json: which sequences of a results folder are done, how, and how fast."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kmn_cli.errors import InputError, UsageError
from kmn_cli.files import write_json

NAME = "segmentation.json"


@dataclass(frozen=True)
class SequenceRun:
    """How one sequence was segmented.

    Attributes:
        frames, objects: how many.
        seconds: in the network; reading and writing are not in it.
        peak_memory: in bytes.
    """

    frames: int
    objects: int
    seconds: float
    peak_memory: int

    @property
    def frames_per_second(self) -> float:
        """Frames over the network's seconds."""
        return self.frames / self.seconds if self.seconds else 0.0


class RunLog:
    """The log of a results folder, written anew after every sequence.

    Args:
        folder: of results.
        settings: what all results depend on; a folder holds results of one kind only.

    Attributes:
        runs: of the finished sequences.
        sources: a checksum of what each of them was made of; earlier versions noted none.

    Raises:
        UsageError: the folder holds results of other settings, or of another tool.
        InputError: its log cannot be read.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._path = folder / NAME
        self._settings = dict(settings)
        self.runs: dict[str, SequenceRun] = {}
        self.sources: dict[str, str] = {}
        if not self._path.is_file():
            return
        document = _read(self._path)
        had = {"view": "full", **document["settings"]}  # of before there were others
        other = [name for name in sorted({*had, *settings}) if had.get(name) != settings.get(name)]
        if other:
            changes = ", ".join(f"{n} was {had.get(n)}, now {settings.get(n)}" for n in other)
            raise UsageError(
                f"{folder}: holds results of other settings ({changes}).",
                "-o names another folder; --overwrite replaces them.",
            )
        self.runs, self.sources = _runs(document), dict(document.get("sources", {}))

    def add(self, name: str, run: SequenceRun, source: str) -> None:
        """Note that a sequence is done, and what it was made of."""
        self.runs[name], self.sources[name] = run, source
        document = {
            "settings": self._settings,
            "sequences": {name: asdict(run) for name, run in self.runs.items()},
            "sources": self.sources,
        }
        write_json(self._path, document)


def read_runs(folder: Path) -> dict[str, SequenceRun]:
    """The runs of a results folder; none where another tool made it."""
    return _runs(_read(folder / NAME)) if (folder / NAME).is_file() else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        _runs(document)
        dict(document["settings"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: cannot be understood ({error!r}).", "Remove it, or use --overwrite."
        ) from error
    return dict(document)


def _runs(document: Mapping[str, Any]) -> dict[str, SequenceRun]:
    return {name: SequenceRun(**run) for name, run in document["sequences"].items()}
