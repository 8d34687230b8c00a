"""Exporting one folder of masks, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kmn_cli.errors import UsageError
from kmn_cli.media.exports.clip import make_clip
from kmn_cli.media.exports.contact_sheet import spread
from kmn_cli.media.exports.formats import FORMATS, SetFormat
from kmn_cli.media.exports.found import find_mask_folders


def export_masks(
    results: str | Path,
    to: str,
    output: str | Path | None = None,
    *,
    video: str | Path | None = None,
    objects: Sequence[int] = (),
    names: Mapping[int, str] | None = None,
    every: int | None = None,
    on_frame: Callable[[], None] = lambda: None,
) -> Path:
    """Write the masks of one video as other programs want them; what is there is replaced.

    Args:
        results: a result folder, or any folder of index PNGs.
        to: the format, such as "coco", "binary" or "alpha"; `kmn export-masks --help` lists them.
        output: the file or folder to write; None is beside the results, RESULTS/export/….
        video: the source; None is the one that result.json names.
        objects: ids to export; all if empty.
        names: what objects are called, by id.
        every: only every N-th frame; None is all, and 20 of a contact sheet.
        on_frame: called after each frame.

    Returns:
        What was written.

    Raises:
        InputError: there are no masks, or they do not fit the video.
        UsageError: an unknown format, or one that needs a video that is not known.
        KmnError: it cannot be written.
    """
    if to not in FORMATS:
        raise UsageError(f"There is no format {to!r}.", f"Choose from {', '.join(FORMATS)}.")
    folders = find_mask_folders([Path(results)])
    if len(folders) > 1:
        raise UsageError(f"{results} holds {len(folders)} videos.", "Take them one by one.")
    clip = make_clip(folders[0], Path(video) if video else None, objects, names)
    wanted = FORMATS[to]
    if not isinstance(wanted, SetFormat) and wanted.needs_source and clip.source is None:
        raise UsageError(f"{to} needs the frames, and the video is not known.", "Pass its path.")
    if every is not None:
        clip = clip.every(every)
    elif to == "contact-sheet":
        clip = clip.only(spread(len(clip.masks)))
    target = Path(results) / "export" / wanted.output if output is None else Path(output)
    clip = replace(clip, on_frame=on_frame)
    if isinstance(wanted, SetFormat):
        wanted.write([clip], target)
    else:
        wanted.write(clip, target)
    return target
