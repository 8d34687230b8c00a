"""What to type next: after a run that failed somewhere, and without a mask."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kmn_cli.batch.mask_arguments import MaskArgument
from kmn_cli.files import list_images
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
    index = first_failure(document["objects"])
    if index is None:
        return None
    frame = list_images(video)[index].stem if video.is_dir() else str(index)
    shown = document["outputs"].get("overlay") or next(iter(document["outputs"].values()))
    corrected = f"{video.stem}-{frame}.png"
    said = [f"{mask.frame}={mask.path}" if mask.frame else str(mask.path) for mask in masks]
    made = ["kmn", "init-mask", str(video), "--frame", frame, "--web", "-o", corrected]
    again = [word for mask in (*said, f"{frame}={corrected}") for word in ("--mask", mask)]
    return (
        f"Look at frame {frame} of {folder / shown}. To mend it on a page:\n"
        f"  kmn edit {shlex.quote(str(folder))}\n"
        "Or make its mask (--box X,Y,W,H instead of --web works, too)\n"
        f"  {shlex.join(made)}\nand run the command again with\n  {shlex.join(again)}"
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


def how_to_go_on(document: Mapping[str, Any]) -> str:
    """Return where the results of a run are, and a line that makes something of them.

    Args:
        document: result.json, with its folder as "output".
    """
    folder = Path(document["output"])
    overlay = document["outputs"].get("overlay")
    seen = f"; look at {folder / overlay}" if overlay else ""
    export = ["kmn", "export-masks", str(folder), "--to", "alpha", "-o", f"{folder.name}.mov"]
    return f"Results are in {folder}{seen}.\nFor another program, for example: {shlex.join(export)}"
