"""Files and their names: whole or not at all, and in the order people expect."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kmn_cli.errors import InputError, KmnError

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".exr", ".dpx")
)

_MASK_NAME = re.compile(r"(^|[ ._-])masks?([ ._-]preview)?$", re.IGNORECASE)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on failure.

    The temporary name ends in ".part", so that a file left behind by a killed process is never
    taken for a result: name the format when writing to it. Folders on the way are made.

    Raises:
        KmnError: when the folder or the file cannot be written (full disk, no permission).
    """
    part = _part_of(path)
    with naming_failures(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield part
            put_in_place(part, path)
        finally:
            with suppress(OSError):
                part.unlink()


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path` that takes its place on success, else is removed.

    Raises:
        KmnError: when it cannot be written.
    """
    part = _part_of(path)
    with naming_failures(path):
        try:
            part.mkdir(parents=True)
            yield part
            if path.is_dir():
                shutil.rmtree(path)
            put_in_place(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def put_in_place(part: Path, path: Path) -> None:
    """Give a file or folder its name once it is whole; a file of that name is replaced."""
    part.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all.

    Raises:
        KmnError: when it cannot be written.
    """
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Write a document for programs, whole or not at all.

    Raises:
        KmnError: when it cannot be written.
    """
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n")


def read_document(path: Path) -> dict[str, Any]:
    """A JSON document; empty where there is none, or something else, or a run has not ended."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _part_of(path: Path) -> Path:
    return path.with_name(f".{secrets.token_hex(8)}.part")


@contextmanager
def naming_failures(path: Path) -> Iterator[None]:
    """Say of an error of the system what could not be written."""
    try:
        yield
    except OSError as error:
        raise KmnError(
            f"Cannot write {path}: {error.strerror or error}.",
            "Check the free space and the permissions of the folder, or choose another with -o.",
        ) from error


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
    """Return the pictures in `folder`, naturally sorted, but for masks that lie among them.

    Raises:
        InputError: when the folder cannot be read, or two pictures have one stem.
    """
    found = split_images(folder)[0]
    by_stem: dict[str, Path] = {}
    for path in found:
        twin = by_stem.setdefault(path.stem, path)
        if twin is not path:
            raise InputError(
                f"{folder} holds both {twin.name} and {path.name}, which would share one result.",
                "Keep one picture for each frame; move masks to a folder of their own.",
            )
    return found


def split_images(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the pictures in `folder` and the masks among them, both naturally sorted.

    A mask is called so (mask.png, 00000_mask.png), or is the PNG beside a JPEG of its name. Where
    all are, they are what the folder is about.

    Raises:
        InputError: when the folder cannot be read.
    """
    found = all_images(folder)
    photos = {path.stem for path in found if path.suffix.lower() in (".jpg", ".jpeg")}
    masks = [
        path
        for path in found
        if _MASK_NAME.search(path.stem) or (path.suffix.lower() == ".png" and path.stem in photos)
    ]
    aside = set(masks)
    frames = [path for path in found if path not in aside]
    return (frames, masks) if frames else (found, [])


def all_images(folder: Path) -> list[Path]:
    """Return all pictures in `folder`, naturally sorted.

    Raises:
        InputError: when the folder cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if is_image(path) and path.is_file()]
    except OSError as error:
        raise InputError(
            f"Cannot read the folder {folder}: {error.strerror or error}.",
            "Check the path and its permissions.",
        ) from error
    return sorted(found, key=lambda path: natural_key(path.name))


def existing(path: Path) -> Path:
    """Return `path` made absolute, so that no name can be taken for an option.

    Raises:
        InputError: when nothing is there.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)
    if not absolute.exists():
        raise missing(path)
    return absolute


def missing(path: Path | str) -> InputError:
    """Return the error of a path where nothing is: it may be an address."""
    address = re.fullmatch(r"(https?|ftp|rtsp|s3|gs):/+(.+)", str(path))
    if address:
        url = shlex.quote(f"{address[1]}://{address[2]}")
        return InputError(
            f"{address[1]}://{address[2]} is an address, not a file.",
            f"Download it first, for example with: yt-dlp {url}",
        )
    return InputError(f"There is no {path}.", "Check the spelling of the path.")
