"""How results were made: what corrects them is made in the same way."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmn_cli.media.video import Reading, open_video

_OPTIONS = ("size", "enlarge", "view", "sigma", "memory_every", "max_memory_frames")
_READING = ("fps", "deinterlace")


@dataclass(frozen=True)
class HowMade:
    """How the results of a video were made.

    Attributes:
        settings: of result.json; empty where there are no results yet.
        formats: of the results, as `Settings` has them.
    """

    settings: Mapping[str, Any]
    formats: tuple[str, ...] = ("masks",)

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> HowMade:
        """As a result.json says; masks are among the formats in any case: they are corrected."""
        settings, outputs = result.get("settings", {}), result.get("outputs", ())
        return cls(settings, tuple(dict.fromkeys(("masks", *outputs))))

    @property
    def options(self) -> dict[str, Any]:
        """Of the network, as `LoadedNetwork.options` takes them, but its precision."""
        return self._among(_OPTIONS)

    @property
    def precision(self) -> str:
        """Of the network, as it was asked for."""
        return str(self.settings.get("precision", "auto"))

    @property
    def start(self) -> str | None:
        """The first frame, as it was typed; None is the beginning."""
        return self.settings.get("start")

    @property
    def end(self) -> str | None:
        """The first frame beyond, likewise; None is the end."""
        return self.settings.get("end")

    @property
    def reading(self) -> Reading:
        """Of the video."""
        return Reading(**self._among(_READING))

    def frames(self, video: Path) -> range:
        """Indices of the frames that the results are of.

        Raises:
            InputError: the video cannot be read.
        """
        if self.start is None and self.end is None:
            return range(sys.maxsize)
        with open_video(video, start=self.start, end=self.end, reading=self.reading) as reader:
            info = reader.info
        stop = sys.maxsize if info.frames is None else info.first + info.frames
        return range(info.first, stop)

    def _among(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self.settings[name] for name in names if name in self.settings}
