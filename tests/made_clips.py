"""Pictures and clips that the tests make for themselves: a bright square moves to the right."""

from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path

import imageio_ffmpeg
import numpy as np

SIZE = (64, 48)
SIDE = 16  # of the bright square


def square_labels(index: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """The square of frame `index` as object 1: 4 pixels further right each frame."""
    width, height = size
    labels = np.zeros((height, width), np.uint8)
    left = 4 + 4 * index % max(width - SIDE - 4, 1)
    labels[height // 3 : height // 3 + SIDE, left : left + SIDE] = 1
    return labels


def square_image(index: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A dark frame with the bright square of frame `index`."""
    colours = np.array([[20, 30, 60], [240, 220, 60]], np.uint8)
    return colours[square_labels(index, size)]


def ffmpeg(*arguments: str, data: bytes | None = None) -> str:
    """Run ffmpeg, and return what it says."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-y", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    return done.stderr.decode()


def huge_png(path: Path, side: int) -> Path:
    """A file of a hundred bytes that claims side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b""))
    return path
