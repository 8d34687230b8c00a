"""Which videos are meant by the INPUT arguments, and what each is called in the output."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from kmn_cli.errors import InputError, UsageError
from kmn_cli.media.files import list_images, natural_key

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".ogv", ".3gp", ".mxf", ".gif"),
)


def find_inputs(arguments: Sequence[str], list_file: str | None = None) -> list[Path]:
    """Expand files, folders of frames, folders of videos and globs to one path per video.

    Args:
        arguments: as typed; may be empty with a list file.
        list_file: a text file with one argument a line; "-" is stdin.

    Raises:
        InputError: something does not exist or holds no video, or two videos share a name.
        UsageError: there is no argument at all.
    """
    texts = [*arguments, *(_read_list(list_file) if list_file else [])]
    if not texts:
        raise UsageError("No input given.", "Name a video, a folder of frames, or --from-file.")
    inputs = list(dict.fromkeys(path for text in texts for path in _expand(text)))
    by_name: dict[str, Path] = {}
    for path in inputs:
        other = by_name.setdefault(output_name(path), path)
        if other != path:
            raise InputError(
                f"{other} and {path} would both be written to '{output_name(path)}'.",
                "Rename one of them, or run them with different -o folders.",
            )
    return inputs


def output_name(path: Path) -> str:
    """The folder name of a video's results: its stem, or a frame folder's name."""
    path = path.resolve() if path.name in {"", "..", "."} else path
    return path.name if path.is_dir() else path.stem


def _read_list(list_file: str) -> Iterable[str]:
    if list_file == "-":
        text = sys.stdin.read()
    else:
        try:
            text = Path(list_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{list_file}: cannot be read as a list ({error}).",
                "--from-file takes a text file with one input a line.",
            ) from error
    return [line for line in text.splitlines() if line.strip()]


def _expand(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        return _expand_folder(path)
    if path.exists():
        return [path]
    if glob.has_magic(text):
        matches = sorted(glob.glob(text, recursive=True), key=natural_key)  # noqa: PTH207
        found = [match for text in matches for match in _expand(text)]
        if found:
            return found
    raise InputError(f"{path}: no such file or folder.", "Check the spelling of the input.")


def _expand_folder(folder: Path) -> list[Path]:
    if list_images(folder):
        return [folder]
    found = [
        path
        for path in _listing(folder)
        if path.suffix.lower() in VIDEO_SUFFIXES or (path.is_dir() and list_images(path))
    ]
    if not found:
        raise InputError(
            f"{folder}: holds neither pictures nor videos.",
            "Give a folder of frames (JPEG, PNG, WebP), or of videos.",
        )
    return found


def _listing(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
