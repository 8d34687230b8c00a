"""What to type next: after a run that failed somewhere, and without a mask."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kmn_cli.batch.job import Job
from kmn_cli.batch.mask_plan import MaskPlan
from kmn_cli.files import list_images
from kmn_cli.inference.object_report import first_failure


def how_to_mend(job: Job, masks: MaskPlan, document: Mapping[str, Any]) -> str | None:
    """Return what to do about the first frame at which an object failed; None where none did.

    Args:
        job: the video.
        masks: that were given.
        document: its result.json.
    """
    index = first_failure(document["objects"])
    if index is None:
        return None
    frame = _called(job.video.path, index)
    shown = document["outputs"].get("overlay") or next(iter(document["outputs"].values()))
    said = (
        f"Look at frame {frame} of {job.folder / shown}. To mend it on a page:\n"
        f"  kmn edit {shlex.quote(str(job.folder))}"
    )
    by_hand = _in_the_folder(job, masks, index) or _one_by_one(job, masks, index)
    if by_hand is None:
        return said
    where, again = by_hand
    made = ["kmn", "init-mask", str(job.video.path), "--frame", frame, "--web", "-o", *where]
    return (
        f"{said}\nOr make its mask (--box X,Y,W,H instead of --web works, too)\n"
        f"  {shlex.join(made)}\nand run {again}"
    )


def _called(video: Path, index: int) -> str:
    """What --frame and --mask call a frame: by its picture, or by its index."""
    return list_images(video)[index].stem if video.is_dir() else str(index)


def _in_the_folder(job: Job, masks: MaskPlan, index: int) -> tuple[list[str], str] | None:
    """Where the folder that --mask names takes a mask of a frame, and how to run again."""
    video = job.video.path
    (folder, *others) = (argument.path for argument in job.masks)
    around = (video.resolve(), *video.resolve().parents)
    if others or not folder.is_dir() or folder.resolve() in around:  # else among frames or videos
        return None
    named = {i: one.path for i, given in masks.files.items() for one in given if one.frame}
    if index in named:
        if named[index].suffix.lower() != ".png":  # which alone are made
            return None
        where = [str(named[index]), "--overwrite"]
    elif named or not job.alone:
        place = next((path.parent for path in named.values()), folder / job.video.name)
        name = _called(video, index) if video.is_dir() else f"{index:05d}"
        where = [str(place / f"{name}.png")]
    else:
        return None
    return where, "the same command again"


def _one_by_one(job: Job, masks: MaskPlan, index: int) -> tuple[list[str], str] | None:
    """The file of a mask of a frame, and how to run again with it beside those of other frames."""
    files = [(i, one) for i, given in sorted(masks.files.items()) for one in given]
    by_video = not job.alone and any(argument.path.is_dir() for argument in job.masks)
    if by_video or any(one.mask is not None for _, one in files):  # a program's
        return None
    video = job.video.path
    corrected = f"{video.stem}-{_called(video, index)}.png"
    kept = [(i, str(one.path)) for i, one in files if i != index and masks.given[i]]
    said = [f"{_called(video, i)}={path}" for i, path in [*kept, (index, corrected)]]
    options = shlex.join(word for mask in said for word in ("--mask", mask))
    return [corrected], f"the command again with these for its masks\n  {options}"


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
