"""Where results go: each sink writes one kind of file, and a run has a list of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import cv2
import numpy as np

from kmn_cli.errors import KmnError
from kmn_cli.files import atomic_path
from kmn_cli.media.frames import Frame, VideoInfo
from kmn_cli.media.masks import write_mask
from kmn_cli.media.overlay import draw_overlay
from kmn_cli.media.video_writer import VideoWriter, writer_like

__all__ = [
    "AlphaSink",
    "CutoutSink",
    "MaskSink",
    "OverlaySink",
    "Sink",
    "SoftSink",
    "draw_overlay",
]

ObjectIds = Callable[[], Sequence[int]]


class Sink(Protocol):
    """Takes the frames of one video in order; a context manager that finishes its files."""

    wants_soft: bool  # whether `write` makes use of soft

    @property
    def warnings(self) -> list[str]:
        """What went wrong without costing a frame; complete when the context is left."""
        ...

    def __enter__(self) -> Sink: ...

    def __exit__(self, *exc: object) -> None: ...

    def write(self, index: int, frame: Frame, labels: np.ndarray, soft: np.ndarray | None) -> None:
        """Take the result of one frame.

        Args:
            index: the frame's index in the source.
            frame: the frame itself, image (H, W, 3) uint8 RGB.
            labels: (H, W) uint8 ids, 0 the background.
            soft: probabilities (K+1, H, W) uint8 with the background first, 255 is certain; None
                is what the labels say.
        """
        ...


class _PictureSink:
    """Writes pictures: each is whole when `write` returns, so there is nothing to finish."""

    wants_soft = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


class MaskSink(_PictureSink):
    """Index PNGs, FOLDER/masks/NAME.png."""

    def __init__(self, folder: Path, palette: bytes | None = None) -> None:
        super().__init__(folder / "masks")
        self._palette = palette

    def write(self, index: int, frame: Frame, labels: np.ndarray, soft: np.ndarray | None) -> None:
        write_mask(self.folder / f"{frame.name}.png", labels, self._palette)


class SoftSink(_PictureSink):
    """Probabilities of each object as 8-bit PNGs, FOLDER/soft/ID/NAME.png: 255 is certain."""

    wants_soft = True

    def __init__(self, folder: Path, object_ids: ObjectIds) -> None:
        super().__init__(folder / "soft")
        self._object_ids = object_ids

    def write(self, index: int, frame: Frame, labels: np.ndarray, soft: np.ndarray | None) -> None:
        for channel, object_id in enumerate(self._object_ids(), 1):
            if soft is None:
                plane = _certain(labels == object_id)
            elif channel < len(soft):
                plane = soft[channel]
            else:
                break  # an object that came with a later frame
            _write_png(self.folder / str(object_id) / f"{frame.name}.png", plane)


class CutoutSink(_PictureSink):
    """The objects on transparency, FOLDER/cutout/NAME.png: RGBA with straight alpha."""

    wants_soft = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "cutout")

    def write(self, index: int, frame: Frame, labels: np.ndarray, soft: np.ndarray | None) -> None:
        bgra = cv2.cvtColor(with_alpha(frame.image, labels, soft), cv2.COLOR_RGBA2BGRA)
        seen = cv2.copyTo(bgra, bgra[..., 3])  # what cannot be seen need not be stored
        _write_png(self.folder / f"{frame.name}.png", seen)


class _VideoSink(ABC):
    """Writes one video file, whole when the context is left without an error."""

    wants_soft = False

    def __init__(self, writer: VideoWriter) -> None:
        self._writer = writer

    @property
    def warnings(self) -> list[str]:
        """What went wrong without costing a frame."""
        return self._writer.warnings

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._writer.__exit__(*exc)

    def write(self, index: int, frame: Frame, labels: np.ndarray, soft: np.ndarray | None) -> None:
        self._writer.write(self._draw(frame.image, labels, soft), frame.time, frame.duration)

    @abstractmethod
    def _draw(
        self, image: np.ndarray, labels: np.ndarray, soft: np.ndarray | None
    ) -> np.ndarray: ...


class OverlaySink(_VideoSink):
    """The video with coloured objects and its sound, FOLDER/overlay.mp4."""

    def __init__(self, folder: Path, info: VideoInfo, palette: bytes | None = None) -> None:
        self._palette = palette
        super().__init__(writer_like(info, folder / "overlay.mp4"))

    def _draw(self, image: np.ndarray, labels: np.ndarray, soft: np.ndarray | None) -> np.ndarray:
        return draw_overlay(image, labels, self._palette)


class AlphaSink(_VideoSink):
    """The objects on transparency as a video for editing, FOLDER/alpha.mov: ProRes 4444."""

    wants_soft = True

    def __init__(self, folder: Path, info: VideoInfo) -> None:
        super().__init__(writer_like(info, folder / "alpha.mov", "prores4444"))

    def _draw(self, image: np.ndarray, labels: np.ndarray, soft: np.ndarray | None) -> np.ndarray:
        return with_alpha(image, labels, soft)


def with_alpha(image: np.ndarray, labels: np.ndarray, soft: np.ndarray | None) -> np.ndarray:
    """Return (H, W, 4) uint8 RGBA: the foreground's probability is the straight alpha."""
    rgba = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    rgba[..., 3] = _certain(labels > 0) if soft is None else 255 - soft[0]
    return rgba


def _certain(where: np.ndarray) -> np.ndarray:
    return np.where(where, np.uint8(255), np.uint8(0))


def _write_png(path: Path, image: np.ndarray) -> None:
    """Write grey or BGRA (H, W, ...) uint8, compressed lightly: speed matters more than size."""
    quick = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
    done, data = cv2.imencode(".png", image, quick)
    if not done:
        raise KmnError(f"Cannot encode {path}.", "Choose another --format.")
    with atomic_path(path) as part:
        part.write_bytes(data.tobytes())
