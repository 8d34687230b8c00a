"""Whole or not at all, also for folders."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from kmn_cli.errors import KmnError


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path` that takes its place on success, else is removed.

    Raises:
        KmnError: when it cannot be written.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.mkdir(parents=True)
        yield part
        if path.is_dir():
            shutil.rmtree(path)
        part.rename(path)
    except OSError as error:
        raise KmnError(
            f"Cannot write {path}: {error.strerror or error}.",
            "Check the free space and the permissions of the folder, or choose another with -o.",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def png(image: np.ndarray) -> bytes:
    """Encode grey (H, W), RGB or RGBA (H, W, 3|4) uint8, lightly compressed."""
    if image.ndim == 3:
        code = cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        image = cv2.cvtColor(image, code)
    return _encode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def jpeg(image: np.ndarray) -> bytes:
    """Encode RGB (H, W, 3) uint8."""
    return _encode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])


def _encode(suffix: str, image: np.ndarray, options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, np.ascontiguousarray(image), options)
    assert done, "sizes and types are right by construction"
    return bytes(data)
