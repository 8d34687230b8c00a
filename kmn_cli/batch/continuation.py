"""Going on with a video where an interrupted run stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kmn_cli.batch.result import frames_on_disk
from kmn_cli.errors import InputError
from kmn_cli.files import list_images
from kmn_cli.media.labels import read_ids
from kmn_cli.media.video import Frame, VideoInfo

if TYPE_CHECKING:
    from kmn_cli.inference.pipeline import Earlier
    from kmn_cli.inference.saved_state import SavedState
    from kmn_cli.media.sinks import Sink


def why_not(formats: Sequence[str]) -> str | None:
    """Why results of these formats cannot be continued; None where they can."""
    if "alpha" in formats:
        return "alpha.mov cannot be made again from finished frames"
    if "overlay" in formats and "masks" not in formats:
        return "overlay.mp4 can be made again from masks only, which are not written"
    return None


def continue_run(
    folder: Path, sinks: Mapping[str, Sink], state: SavedState, info: VideoInfo, run: str
) -> tuple[Earlier | None, dict[str, Any] | None]:
    """Restore the state of an interrupted run, if there is one.

    Args:
        folder: of the results.
        sinks: by their format.
        state: with a fresh segmenter, which is restored.
        info: the source.
        run: what to call the one that made the frames.

    Returns:
        What need not be done again; and for result.json how many frames were kept, and why: None
        when no frame was found.
    """
    from kmn_cli.inference.pipeline import Earlier

    formats = tuple(sinks)
    found = frames_on_disk(folder, formats, frame_names(info))
    reason = why_not(formats)
    restored = None
    if found and reason is None:
        restored = state.restore(info.first + found)
        reason = "there is no usable state of the same run"
    if restored is None:
        state.remove()  # it must never meet the frames that are written from now on
        note = f"{reason}: all frames are segmented again"
        return None, {"frames_kept": 0, "note": note} if found else None
    stop, changed = restored
    kept = stop - info.first
    note = f"{kept} frames of {run} are kept"
    if changed:
        note += f"; last bits of the others may differ ({', '.join(changed)})"
    if "overlay" in sinks:
        note += "; overlay.mp4 is made again from their masks"

    def labels(frame: Frame) -> np.ndarray:
        path = folder / "masks" / f"{frame.name}.png"
        try:
            return read_ids(path, (info.width, info.height))
        except InputError as error:
            raise InputError(error.message, "Run again with --overwrite.") from error

    again = [sinks["overlay"]] if "overlay" in sinks else []
    return Earlier(stop, again, labels), {"frames_kept": kept, "note": note}


def frame_names(info: VideoInfo) -> Iterable[str]:
    """What the results of the frames are called, in order; of a video file without an end."""
    if info.is_folder:
        paths = list_images(info.path) if info.path.is_dir() else [info.path]
        return [path.stem for path in paths[info.first :]]
    return (f"{index:05d}" for index in count(info.first))
