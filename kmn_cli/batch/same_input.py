"""Whether pictures or a video are still those that results were made of.

Whole files are not read: a run that finds everything done must not read gigabytes to say so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from kmn_cli.files import list_images

_BLOCK = 4096  # bytes


def input_files(path: Path) -> list[Path]:
    """The pictures of a folder, or the video itself."""
    return list_images(path) if path.is_dir() else [path]


def input_bytes(path: Path) -> int:
    """Size of a video, or of all pictures of a folder."""
    return sum(file.stat().st_size for file in input_files(path))


def input_sample(files: Iterable[Path]) -> str:
    """A sha256 of names, sizes, and a block in the middle and one at the end of each file.

    Formats without compression give other pictures the same size, but not the same middle; a PNG
    ends in a checksum of the whole. Times are not in it, so that a copy counts as the same.

    Raises:
        OSError: a file cannot be read.
    """
    digest = sha256()
    for file in files:
        with file.open("rb", buffering=0) as data:
            size = os.fstat(data.fileno()).st_size
            digest.update(os.fsencode(file.name) + f"\0{size}\0".encode())
            for start in (size // 2, max(0, size - _BLOCK)):
                data.seek(start)
                digest.update(data.read(_BLOCK))
    return digest.hexdigest()


def is_newer(path: Path, result: Path) -> bool:
    """Whether a video, or a picture of a folder, was written after a file made of it."""
    made = result.stat().st_mtime
    return any(file.stat().st_mtime > made for file in input_files(path))
