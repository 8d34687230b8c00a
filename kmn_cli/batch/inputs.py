"""Which videos are meant by the INPUT arguments, and what each is called in the output."""

from __future__ import annotations

import glob
import os
import sys
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kmn_cli.errors import InputError, UsageError
from kmn_cli.files import list_images, missing, natural_key

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".ogv", ".3gp", ".mxf", ".gif"),
)


@dataclass(frozen=True)
class Video:
    """One input, and the folder of its results below OUT: a relative path with "/"."""

    path: Path
    name: str


def find_inputs(
    arguments: Sequence[str], list_file: str | None = None, *, apart: Collection[Path] = ()
) -> list[Video]:
    """Expand files, folders of frames, folders of videos and globs to videos.

    A folder of videos is searched with its sub-folders, which the names keep.

    Args:
        arguments: as typed; may be empty with a list file.
        list_file: a text file with one argument a line, or closed by NUL characters; "-" is stdin.
            A line may end in a tab and the name of its results.
        apart: folders that are not searched: results and masks may lie beside the videos.

    Raises:
        InputError: something does not exist or holds no video, or two videos share a name. A path
            in a list that does not exist is kept: it fails when its turn comes.
        UsageError: there is no argument at all.
    """
    seen = frozenset(path.resolve() for path in apart)
    found = [video for text in arguments for video in _expand(text, seen)]
    for line in _read_list(list_file) if list_file else []:
        found += _expand_line(line, seen)
    if not found:
        raise UsageError("No input given.", "Name a video, a folder of frames, or --from-file.")
    videos = list(dict.fromkeys(found))
    _refuse_collisions(videos)
    return videos


def output_name(path: Path) -> str:
    """The folder name of a video's results: its stem, or a frame folder's name."""
    path = path.resolve() if path.name in {"", "..", "."} else path
    stem = path.name if path.is_dir() else path.stem
    # "...mp4" has the stem "..", which would lead out of the output folder.
    return (path.name if stem in {"", ".", ".."} else stem) or "video"


def _refuse_collisions(videos: Sequence[Video]) -> None:
    # On some disks names that differ in case, or in how accents are written, are one.
    by_key: dict[PurePosixPath, Video] = {}
    for video in videos:
        key = PurePosixPath(unicodedata.normalize("NFC", video.name).casefold())
        other = by_key.setdefault(key, video)
        if other is not video:
            raise InputError(
                f"{other.path} and {video.path} would both be written to '{video.name}'.",
                "Rename one, give the folder above both, or run them with different -o folders; "
                "in a --from-file list a tab and a name may follow the path.",
            )
    for key, video in by_key.items():
        for outer in (by_key[parent] for parent in key.parents if parent in by_key):
            raise InputError(
                f"{video.path} would be written to '{video.name}', inside the results of "
                f"{outer.path}.",
                "Rename one of them, or run them with different -o folders.",
            )


def _read_list(list_file: str) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if list_file == "-" else Path(list_file).read_bytes()
        text = os.fsdecode(data).removeprefix("\ufeff")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{list_file}: cannot be read as a list ({error}).",
            "--from-file takes a text file with one input a line.",
        ) from error
    if "\0" in text:  # as `find -print0` writes: names may hold line breaks
        return [entry for entry in text.split("\0") if entry.strip()]
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]


def _expand_line(line: str, apart: Collection[Path]) -> list[Video]:
    path, tab, name = line.rpartition("\t")
    if tab and not Path(line).exists():
        parts = name.split("/")
        if not all(parts) or {".", ".."} & set(parts) or Path(name).is_absolute():
            raise InputError(
                f"The list names '{name}' for the results of {path}, which is no folder below OUT.",
                "Write a plain name after the tab, or a/b.",
            )
        return [Video(Path(path), name)]
    if not Path(line).exists() and not glob.glob(line, recursive=True):  # noqa: PTH207
        return [Video(Path(line), output_name(Path(line)))]
    return _expand(line, apart)


def _expand(text: str, apart: Collection[Path]) -> list[Video]:
    path = Path(text)
    if path.exists():
        return _videos_at(path, apart)
    matches: list[Path] = []
    if glob.has_magic(text):
        names = glob.glob(text, recursive=True)  # noqa: PTH207  (absolute patterns, too)
        matches = [Path(name) for name in sorted(names, key=natural_key)]
    if not matches:
        raise missing(text)
    fixed = path
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    likely = [match for match in matches if match.is_dir() or _is_video(match)] or matches
    found = [video for match in likely for video in _search(match, fixed, apart)]
    if not found:
        raise _nothing_in(path)
    return found


def _videos_at(path: Path, apart: Collection[Path]) -> list[Video]:
    if not path.is_dir() or list_images(path):
        _refuse_mixture(path)
        return [Video(path, output_name(path))]
    found = list(_search(path, path, apart))
    if not found:
        raise _nothing_in(path)
    return found


def _search(path: Path, base: Path, apart: Collection[Path]) -> Iterator[Video]:
    """Yield the videos at and below `path`, named by where they lie below `base`."""
    resolved = path.resolve()
    if resolved in apart:
        return
    if path.is_dir() and not list_images(path):
        inside = sorted(path.iterdir(), key=lambda child: natural_key(child.name))
        for child in inside:
            if (child.is_dir() or _is_video(child)) and not child.name.startswith("."):
                yield from _search(child, base, {*apart, resolved})  # a link may lead upwards
        return
    _refuse_mixture(path)
    yield Video(path, (path.relative_to(base).parent / output_name(path)).as_posix())


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def _refuse_mixture(path: Path) -> None:
    videos = [child for child in path.iterdir() if _is_video(child)] if path.is_dir() else []
    if videos:
        raise InputError(
            f"{path} holds pictures as well as videos, such as {videos[0].name}.",
            f"Give the videos as '{path}/*{videos[0].suffix}', or keep frames in folders of their "
            "own.",
        )


def _nothing_in(path: Path) -> InputError:
    return InputError(
        f"{path}: holds neither pictures nor videos.",
        "Give a folder of frames (JPEG, PNG, WebP), or of videos.",
    )
