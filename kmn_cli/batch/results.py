"""What became of videos, for the program that asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmn_cli.errors import KmnError


@dataclass(frozen=True)
class VideoResult:
    """What became of one video.

    Attributes:
        folder: of its results.
        frames: how many were written.
        object_ids: sorted.
        outputs: the file or folder of each format.
        warnings: what should be looked at: masks that were repaired, damaged frames, …
        skipped: its results were there already.
        document: all of result.json.
    """

    folder: Path
    frames: int
    object_ids: tuple[int, ...]
    outputs: Mapping[str, Path]
    warnings: tuple[str, ...]
    skipped: bool
    document: Mapping[str, Any]

    @classmethod
    def of(cls, folder: Path, document: Mapping[str, Any], *, skipped: bool) -> VideoResult:
        """From a video's result.json."""
        return cls(
            folder,
            document["frames"],
            tuple(document["object_ids"]),
            {name: folder / path for name, path in document["outputs"].items()},
            tuple(document["warnings"]),
            skipped,
            document,
        )


@dataclass(frozen=True)
class BatchResult:
    """What became of many videos.

    Attributes:
        videos: the results of those that are done.
        failed: why the others failed, by their path.
        document: all of summary.json.
    """

    videos: tuple[VideoResult, ...]
    failed: Mapping[Path, KmnError]
    document: Mapping[str, Any]
