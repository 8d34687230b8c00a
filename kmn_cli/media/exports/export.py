"""Exporting folders of masks, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kmn_cli.errors import UsageError
from kmn_cli.media.exports.clip import Clip, make_clip
from kmn_cli.media.exports.contact_sheet import spread
from kmn_cli.media.exports.formats import FORMATS, VideoFormat
from kmn_cli.media.exports.found import MaskFolder, find_mask_folders
from kmn_cli.media.frames import Reading


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
    source = Path(video) if video else None
    clip = open_clip(folders[0], to, source, objects, names, every=every)
    target = place_in(Path(results), to) if output is None else Path(output)
    write_clips([clip], to, target, on_frame)
    return target


def place_in(results: Path, to: str) -> Path:
    """Where a format goes that is written beside the results of a video."""
    return results / "export" / FORMATS[to].output


def open_clip(
    folder: MaskFolder,
    to: str,
    video: Path | None = None,
    objects: Sequence[int] = (),
    names: Mapping[int, str] | None = None,
    reading: Reading | None = None,
    *,
    every: int | None = None,
    images: bool = False,
) -> Clip:
    """The masks of a folder, as they are wanted in a format.

    Args:
        folder, video, objects, names, reading: as of `make_clip`.
        to: the format.
        every: only every N-th frame; None is all, and 20 of a contact sheet.
        images: the frames are written, too.

    Raises:
        InputError: masks and video do not fit together, or none of the objects is there.
        UsageError: the frames are needed, and the video is not known.
    """
    clip, wanted = make_clip(folder, video, objects, names, reading), FORMATS[to]
    if clip.source is None and (images or wanted.needs_source):
        what = "--images" if images else to
        raise UsageError(
            f"{folder.name}: {what} needs the frames, and the video is not known.",
            "Name it with --video.",
        )
    if every is not None:
        return clip.every(every)
    return clip.only(spread(len(clip.masks))) if to == "contact-sheet" else clip


def write_clips(
    clips: Sequence[Clip],
    to: str,
    target: Path,
    on_frame: Callable[[], None],
    *,
    images: bool = False,
) -> None:
    """Write clips in a format; what is there is replaced.

    Args:
        clips: one, unless the format holds several.
        to: the format.
        target: the file or folder.
        on_frame: called after each frame.
        images: write the frames, too, in a format that knows that.
    """
    wanted, watched = FORMATS[to], [replace(clip, on_frame=on_frame) for clip in clips]
    if isinstance(wanted, VideoFormat):
        for clip in watched:
            wanted.write(clip, target)
    elif images and wanted.write_images is not None:
        wanted.write_images(watched, target)
    else:
        wanted.write(watched, target)
