"""What to type next: after a run that failed somewhere, and without a mask."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kmn_cli.batch.mask_plan import MaskArgument
from kmn_cli.inference.object_report import first_failure


def how_to_mend(
    video: Path, folder: Path, masks: Sequence[MaskArgument], document: Mapping[str, Any]
) -> str | None:
    """Return what to do about the first frame at which an object failed; None where none did.

    Args:
        video: the input.
        folder: of its results.
        masks: the --mask arguments of the run.
        document: its result.json.
    """
    frame = first_failure(document["objects"])
    if frame is None:
        return None
    shown = document["outputs"].get("overlay") or next(iter(document["outputs"].values()))
    corrected = f"{video.stem}-{frame}.png"
    said = [f"{mask.frame}={mask.path}" if mask.frame else str(mask.path) for mask in masks]
    made = ["kmn", "init-mask", str(video), "--frame", str(frame), "--web", "-o", corrected]
    again = [word for mask in (*said, f"{frame}={corrected}") for word in ("--mask", mask)]
    return (
        f"Look at frame {frame} of {folder / shown}. To mend it, make its mask (--box X,Y,W,H "
        f"instead of --web works, too)\n  {shlex.join(made)}\nand run the command again with\n"
        f"  {shlex.join(again)}"
    )


def how_to_begin(video: Path) -> str:
    """Return how to mark the objects of a video that came without a mask."""
    named = shlex.quote(str(video))
    return (
        "Say where the object is in the first frame:\n"
        f"  kmn segment {named} --box X,Y,W,H          a box around it, in pixels\n"
        f"  kmn init-mask {named} --web -o mask.png    draw it on a page, then\n"
        f"  kmn segment {named} --mask mask.png"
    )
