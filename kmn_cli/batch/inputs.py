"""Which videos are meant by the INPUT arguments, and what each is called in the output."""

from __future__ import annotations

import glob
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kmn_cli.batch.file_kinds import is_animated, is_video_name, why_no_video
from kmn_cli.batch.rerun import read_list
from kmn_cli.errors import InputError, UsageError
from kmn_cli.files import is_image, list_images, missing, natural_key

_FEW = 100  # pictures of a folder that are opened to see whether they are videos
# Names that a run gives its own files beside the results of videos.
_OWN_NAMES = re.compile(r"(summary|failed)(-\d+-of-\d+)?\.(json|txt)", re.IGNORECASE)


@dataclass(frozen=True)
class Video:
    """One input, and the folder of its results below OUT: a relative path with "/"."""

    path: Path
    name: str


@dataclass(frozen=True)
class LeftOut:
    """A file that was met in a folder of videos, and why it is not segmented."""

    path: Path
    reason: str

    def to_json(self) -> dict[str, str]:
        """The entry in summary.json."""
        return {"input": str(self.path), "reason": self.reason}


@dataclass(frozen=True)
class Inputs:
    """What the INPUT arguments mean."""

    videos: list[Video]
    left_out: list[LeftOut]


def find_inputs(
    arguments: Sequence[str], list_file: str | None = None, *, apart: Collection[Path] = ()
) -> Inputs:
    """Expand files, folders of frames, folders of videos and globs to videos.

    A folder of videos is searched with its sub-folders, which the names keep; what it holds
    besides is named. Pictures of one folder, as a shell expands "frames/*.png", and patterns such
    as "frames/%05d.png" are one video.

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
    search = _Search(frozenset(path.resolve() for path in apart))
    pictures = [Path(text) for text in arguments if is_image(Path(text))]
    found = search.pictures([path for path in pictures if path.is_file()])
    taken = {str(path) for path in pictures if path.is_file()}
    found += [video for text in arguments if text not in taken for video in search.expand(text)]
    for line in read_list(list_file) if list_file else []:
        found += _expand_line(line, search)
    if not found:
        raise UsageError("No input given.", "Name a video, a folder of frames, or --from-file.")
    videos = list(dict.fromkeys(found))
    _refuse_collisions(videos)
    return Inputs(videos, search.left_out)


def output_name(path: Path) -> str:
    """The folder name of a video's results: its stem, or a frame folder's name."""
    path = path.resolve() if path.name in {"", "..", "."} else path
    stem = path.name if path.is_dir() else path.stem
    # "...mp4" has the stem "..", which would lead out of the output folder.
    if stem in {"", ".", ".."} or _OWN_NAMES.fullmatch(stem):
        stem = path.name
    return f"{stem}-video" if _OWN_NAMES.fullmatch(stem) else stem or "video"


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


def _expand_line(line: str, search: _Search) -> list[Video]:
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
    return search.expand(line)


class _Search:
    """Looks for videos in folders, and notes what else is there.

    Attributes:
        left_out: files that are no videos.
    """

    def __init__(self, apart: Collection[Path]) -> None:
        self._apart = apart
        self.left_out: list[LeftOut] = []

    def expand(self, text: str) -> list[Video]:
        """Return the videos that one argument means."""
        path = Path(text)
        if path.exists():
            return self._at(path)
        matches: list[Path] = []
        if re.search(r"%\d*d", path.name):
            matches = _numbered(path)
        elif glob.has_magic(text):
            names = glob.glob(text, recursive=True)  # noqa: PTH207  (absolute patterns, too)
            matches = [Path(name) for name in sorted(names, key=natural_key)]
        if not matches:
            raise missing(text)
        if all(is_image(match) for match in matches):
            return self.pictures(matches)
        fixed = path
        while glob.has_magic(str(fixed)):
            fixed = fixed.parent
        found = [video for match in matches for video in self._below(match, fixed, self._apart)]
        if not found:
            raise _nothing_in(path, self.left_out)
        return found

    def pictures(self, files: Sequence[Path]) -> list[Video]:
        """Take pictures that were named one by one: those of one folder are one video."""
        found = [Video(path, output_name(path)) for path in files if is_animated(path)]
        stills = [path for path in files if not is_animated(path)]
        for folder in dict.fromkeys(path.parent for path in stills):
            mine = [path for path in stills if path.parent == folder]
            if len(mine) == 1:
                found.append(Video(mine[0], output_name(mine[0])))
                continue
            frames = list_images(folder)
            if missing := [path for path in frames if path not in mine]:
                raise InputError(
                    f"{len(frames) - len(missing)} of the {len(frames)} pictures of {folder} are "
                    f"named: {missing[0].name} is not among them.",
                    f"Give the folder: {folder}; --start and --end, as in --start 10f, choose a "
                    "part of it.",
                )
            found.append(Video(folder, output_name(folder)))
        return found

    def _at(self, path: Path) -> list[Video]:
        if not path.is_dir():
            return [Video(path, output_name(path))]
        if _holds_frames(path):
            return [Video(path, output_name(path))]
        apart = {*self._apart} - {path.resolve()}  # it is meant, even if masks are there, too
        found = list(self._below(path, path, apart))
        if not found:
            raise _nothing_in(path, self.left_out)
        return found

    def _below(self, path: Path, base: Path, apart: Collection[Path]) -> Iterator[Video]:
        """Yield the videos at and below `path`, named by where they lie below `base`."""
        resolved = path.resolve()
        if resolved in apart:
            return
        if path.is_dir() and not _holds_frames(path):
            for child in sorted(path.iterdir(), key=lambda child: natural_key(child.name)):
                if not child.name.startswith(".") and child.name.lower() != "thumbs.db":
                    # A link may lead upwards.
                    yield from self._below(child, base, {*apart, resolved})
        elif path.is_dir() or (reason := why_no_video(path)) is None:
            yield Video(path, (path.relative_to(base).parent / output_name(path)).as_posix())
        else:
            self.left_out.append(LeftOut(path, reason))


def _numbered(pattern: Path) -> list[Path]:
    """The files of a pattern such as frames/%05d.png."""
    before, _, after = re.split(r"(%\d*d)", pattern.name, maxsplit=1)
    name = re.compile(re.escape(before) + r"\d+" + re.escape(after))
    folder = pattern.parent
    files = list(folder.iterdir()) if folder.is_dir() else []
    found = [path for path in files if name.fullmatch(path.name)]
    return sorted(found, key=lambda path: natural_key(path.name))


def _holds_frames(folder: Path) -> bool:
    """Whether a folder's pictures are the frames of one video.

    Beside videos, a picture of a video's name is its mask or its poster.

    Raises:
        InputError: it holds videos, and pictures that may be frames.
    """
    pictures = list_images(folder)
    if not pictures:
        return False
    videos = [path for path in folder.iterdir() if is_video_name(path)]
    if len(pictures) <= _FEW:
        videos += [path for path in pictures if is_animated(path)]
    names = {path.stem for path in videos}
    stills = [path for path in pictures if path not in videos and path.stem not in names]
    if not videos:
        return True
    if len(stills) > len(videos):
        raise InputError(
            f"{folder} holds pictures as well as videos, such as {videos[0].name}.",
            f"Give the videos as '{folder}/*{videos[0].suffix}', or keep frames in folders of "
            "their own.",
        )
    return False


def _nothing_in(path: Path, left_out: Sequence[LeftOut]) -> InputError:
    met = f" {left_out[0].path.name} is {left_out[0].reason}." if left_out else ""
    return InputError(
        f"{path}: holds neither pictures nor videos.{met}",
        "Give a folder of frames (JPEG, PNG, WebP), or of videos.",
    )
