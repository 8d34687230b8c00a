"""Zips of masks as benchmarks' servers take them."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.files import atomic_path
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.masks import index_png


def write_davis_zip(clips: Sequence[Clip], path: Path) -> None:
    """Write VIDEO/FRAME.png of all videos: every frame from 00000 on.

    Raises:
        InputError: frames are missing.
    """
    _write(clips, path, "", from_zero=True)


def write_youtube_vos_zip(clips: Sequence[Clip], path: Path) -> None:
    """Write Annotations/VIDEO/FRAME.png of all videos.

    Raises:
        InputError: frames are missing.
    """
    _write(clips, path, "Annotations/", from_zero=False)


def _write(clips: Sequence[Clip], path: Path, top: str, *, from_zero: bool) -> None:
    errors = [text for clip in clips if (text := _incomplete(clip, from_zero))]
    if errors:
        raise InputError(
            "\n".join(errors),
            "Finish these videos first; --dataset ROOT checks against the data set itself.",
        )
    # Stored, not deflated: PNGs do not shrink further.
    with atomic_path(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for clip in clips:
            for frame in clip.frames():
                data = index_png(frame.labels, clip.palette)
                archive.writestr(f"{top}{clip.name}/{frame.name}.png", data)


def _incomplete(clip: Clip, from_zero: bool) -> str:
    """Say what a video lacks; empty when nothing is known to be missing."""
    if clip.unfinished:
        return f"{clip.name}: the run that makes its masks has not ended: {len(clip.masks)} so far."
    if not all(mask.stem.isdecimal() for mask in clip.masks):
        return f"{clip.name}: {clip.masks[0].name} is not named by the number of its frame."
    numbers = [int(mask.stem) for mask in clip.masks]
    step = 1 if from_zero else min(np.diff(numbers), default=1)
    wanted = set(range(0 if from_zero else numbers[0], numbers[-1] + 1, step))
    if from_zero and clip.source is not None:
        wanted.update(range(clip.source.frames or 0))
    missing = sorted(wanted - set(numbers))
    if missing:
        shown = ", ".join(f"{n:05d}" for n in missing[:5]) + (", …" if len(missing) > 5 else "")
        return f"{clip.name}: {len(missing)} of {len(wanted)} masks are missing: {shown}."
    if from_zero and clip.frames_expected is not None and len(numbers) < clip.frames_expected:
        return f"{clip.name}: {len(numbers)} masks, but result.json has {clip.frames_expected}."
    return ""
