"""Files and their names: whole or not at all, and in the order people expect."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kmn_cli.errors import InputError, KmnError

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".exr", ".dpx")
)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on failure.

    The temporary name ends in ".part", so that a file left behind by a killed process is never
    taken for a result: name the format when writing to it. Folders on the way are made.

    Raises:
        KmnError: when the folder or the file cannot be written (full disk, no permission).
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise KmnError(
            f"Cannot write {path}: {error.strerror or error}.",
            "Check the free space and the permissions of the folder, or choose another with -o.",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()


def cache_folder() -> Path:
    """Where kmn keeps what it can make again: $XDG_CACHE_HOME/kmn, or ~/.cache/kmn."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kmn"


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Return a sort key that puts "2.png" before "10.png"."""
    # Splitting on digits alternates text and number, so equal places always hold equal types.
    pieces = re.split(r"(\d+)", name.casefold())
    return [int(piece) if i % 2 else piece for i, piece in enumerate(pieces)], name


def is_image(path: Path) -> bool:
    """Tell from its name whether `path` is a picture; hidden files never are."""
    # macOS leaves "._00000.jpg" beside every file it copies: not a picture.
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def list_images(folder: Path) -> list[Path]:
    """Return the pictures in `folder`, naturally sorted.

    Raises:
        InputError: when the folder cannot be read, or two pictures have one stem.
    """
    try:
        found = [path for path in folder.iterdir() if is_image(path) and path.is_file()]
    except OSError as error:
        raise InputError(
            f"Cannot read the folder {folder}: {error.strerror or error}.",
            "Check the path and its permissions.",
        ) from error
    found.sort(key=lambda path: natural_key(path.name))
    by_stem: dict[str, Path] = {}
    for path in found:
        twin = by_stem.setdefault(path.stem, path)
        if twin is not path:
            raise InputError(
                f"{folder} holds both {twin.name} and {path.name}, which would share one result.",
                "Keep one picture for each frame; move masks to a folder of their own.",
            )
    return found


def existing(path: Path) -> Path:
    """Return `path` made absolute, so that no name can be taken for an option.

    Raises:
        InputError: when nothing is there.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)
    if not absolute.exists():
        raise InputError(f"There is no {path}.", "Check the spelling of the path.")
    return absolute
