"""Carries out `kmn export-masks`: from folders of masks to files of one format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from kmn_cli.batch.inputs import find_inputs
from kmn_cli.commands.console import Console
from kmn_cli.commands.options import refuse_existing
from kmn_cli.errors import BatchError, InputError, KmnError, UsageError
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.exports.coco import IMAGES
from kmn_cli.media.exports.export import open_clip, write_clips
from kmn_cli.media.exports.formats import FORMATS, SetFormat, VideoFormat
from kmn_cli.media.exports.found import MaskFolder, find_mask_folders
from kmn_cli.media.exports.names import ObjectNames

_FILE_SUFFIXES = {suffix for format_ in FORMATS.values() for suffix in format_.suffixes} | {".mkv"}


@dataclass(frozen=True)
class Export:
    """What the options of `kmn export-masks` say."""

    format: str
    output: Path
    video: Path | None
    objects: tuple[int, ...]
    names: ObjectNames
    every: int | None
    images: bool
    overwrite: bool
    fps: float | None = None


def run_export(export: Export, results: Sequence[Path], console: Console) -> None:
    """Write the format for all results, and say what was written.

    Raises:
        KmnError: nothing could be written.
        BatchError: some of several videos failed.
    """
    wanted = FORMATS[export.format]
    folders = find_mask_folders(results)
    videos = _sources(export.video, folders)
    if isinstance(wanted, SetFormat):
        target = set_target(export, wanted)
        clips = [_clip(export, folder, videos) for folder in folders]
        done = [_write(export, clips, target, console)]
        failures: dict[str, KmnError] = {}
    else:
        done, failures = _write_videos(export, wanted, folders, videos, console)
    _report(export, done, failures, console)


def is_file_name(output: Path, format_name: str) -> bool:
    """Tell whether -o names the file itself and not a folder.

    Raises:
        UsageError: it names a file of another format.
    """
    suffix = output.suffix.lower()
    if suffix not in _FILE_SUFFIXES or output.is_dir():
        return False
    suffixes = FORMATS[format_name].suffixes
    if suffix not in suffixes:
        made = f"{' or '.join(suffixes)} files" if suffixes else "a folder"
        raise UsageError(f"{output}: {format_name} makes {made}.", "Name another -o.")
    return True


def set_target(export: Export, wanted: SetFormat) -> Path:
    """Return where a format with one output for all videos goes.

    Raises:
        UsageError: it exists, or the format does not go with the options.
    """
    if export.images and wanted.write_images is None:
        raise UsageError(f"--images: {export.format} holds no frames.", "coco and yolo do.")
    is_file = is_file_name(export.output, export.format)
    target = export.output if is_file else export.output / wanted.output
    refuse_existing(target, export.overwrite)
    if export.images and wanted.suffixes:  # pictures go beside the file
        refuse_existing(target.with_name(IMAGES), export.overwrite)
    return target


def _write_videos(
    export: Export,
    wanted: VideoFormat,
    folders: Sequence[MaskFolder],
    videos: Mapping[str, Path],
    console: Console,
) -> tuple[list[dict[str, Any]], dict[str, KmnError]]:
    if export.images:
        raise UsageError(f"--images: {export.format} is a format of its own.", "coco and yolo do.")
    is_file = is_file_name(export.output, export.format)
    if is_file and len(folders) > 1:
        raise UsageError(
            f"{export.output} is one file, but there are {len(folders)} videos.",
            "Name a folder with -o.",
        )
    done: list[dict[str, Any]] = []
    failures: dict[str, KmnError] = {}
    for folder in folders:
        try:
            target = export.output if is_file else export.output / folder.name / wanted.output
            refuse_existing(target, export.overwrite)
            done.append(_write(export, [_clip(export, folder, videos)], target, console))
        except Exception as error:
            if len(folders) == 1:
                raise
            console.note(f"{folder.name} failed:")
            failures[folder.name] = console.error(error)
    return done, failures


def _write(export: Export, clips: Sequence[Clip], target: Path, console: Console) -> dict[str, Any]:
    total = sum(len(clip.masks) for clip in clips)
    title = clips[0].name if len(clips) == 1 else export.format
    with console.progress(title, total) as progress:
        write_clips(clips, export.format, target, progress.advance, images=export.images)
    return _said(clips, target, console)


def _clip(export: Export, folder: MaskFolder, videos: Mapping[str, Path]) -> Clip:
    return open_clip(
        folder,
        export.format,
        videos.get(folder.name),
        export.objects,
        export.names.of(folder.name),
        replace(folder.reading, fps=export.fps) if export.fps else None,
        every=export.every,
        images=export.images,
    )


def _sources(video: Path | None, folders: Sequence[MaskFolder]) -> dict[str, Path]:
    """Return the source that --video gives each folder of masks."""
    if video is None:
        return {}
    videos = find_inputs([str(video)]).videos
    if len(videos) == len(folders) == 1:
        return {folders[0].name: videos[0].path}
    by_name = {each.name: each.path for each in videos}
    missing = [folder.name for folder in folders if folder.name not in by_name]
    if missing:
        raise InputError(
            f"{video}: no video called {', '.join(missing)}.",
            "For several results --video is a folder whose videos are named like the results.",
        )
    return by_name


def _said(clips: Sequence[Clip], target: Path, console: Console) -> dict[str, Any]:
    warnings = [text for clip in clips for text in clip.warnings]
    for text in warnings:
        console.warn(text)
    return {
        "output": str(target),
        "videos": [
            {"name": clip.name, "frames": len(clip.masks), "object_ids": list(clip.object_ids)}
            for clip in clips
        ],
        "warnings": warnings,
    }


def _report(
    export: Export,
    done: Sequence[dict[str, Any]],
    failures: Mapping[str, KmnError],
    console: Console,
) -> None:
    failed = [
        {"name": name, "message": error.message, "exit_code": int(error.exit_code)}
        for name, error in failures.items()
    ]
    console.result({"format": export.format, "outputs": list(done), "failed": failed})
    table = Table()
    for column in ("video", "frames", "objects", export.format):
        table.add_column(column, overflow="fold")
    known: dict[str, set[int]] = {}
    for output in done:
        for video in output["videos"]:
            ids = video["object_ids"]
            known[video["name"]] = set(ids)
            called = export.names.of(video["name"])
            shown = ", ".join(called.get(i, str(i)) for i in ids)
            table.add_row(video["name"], str(video["frames"]), shown, output["output"])
    if unused := export.names.unused(known):
        console.warn(f"--names: there is no object {', '.join(unused)}")
    console.print(table)
    if failures:
        raise BatchError(
            f"{len(failures)} of {len(failures) + len(done)} videos failed: {', '.join(failures)}.",
            "Mend them and run the command again for these.",
        )


def parse_objects(text: str | None) -> tuple[int, ...]:
    """Read "1,3"; empty for None.

    Raises:
        UsageError: for anything else.
    """
    pieces = [piece.strip() for piece in (text or "").split(",") if piece.strip()]
    if not all(piece.isdecimal() and 0 < int(piece) < 256 for piece in pieces):
        raise UsageError(f"--objects {text}: not a list of ids.", "Write 1,3.")
    return tuple(sorted({int(piece) for piece in pieces}))
