"""Videos for players and editors, at the source's rate and with its sound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from kmn_cli.media.exports.clip import Clip, ExportFrame
from kmn_cli.media.overlay import draw_overlay
from kmn_cli.media.video_writer import Codec, writer_like

GREEN = np.array([0, 255, 0], np.uint8)


def write_overlay(clip: Clip, path: Path) -> None:
    """Write the video with coloured objects as H.264."""

    def draw(frame: ExportFrame, image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        return draw_overlay(image, frame.labels, clip.palette)

    _write(clip, path, "h264", draw)


def write_alpha(clip: Clip, path: Path) -> None:
    """Write the objects on transparency, straight: VP9 for .webm, else ProRes 4444."""

    def draw(frame: ExportFrame, image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        return np.dstack([image, alpha])

    _write(clip, path, "vp9-alpha" if path.suffix.lower() == ".webm" else "prores4444", draw)


def write_green_screen(clip: Clip, path: Path) -> None:
    """Write the objects before pure green as H.264."""

    def draw(frame: ExportFrame, image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        weight = alpha.astype(np.float32) / 255
        screen = np.broadcast_to(GREEN, image.shape)
        return np.asarray(cv2.blendLinear(image, screen, weight, 1 - weight))

    _write(clip, path, "h264", draw)


def _write(
    clip: Clip,
    path: Path,
    codec: Codec,
    draw: Callable[[ExportFrame, np.ndarray, np.ndarray], np.ndarray],
) -> None:
    source = clip.source
    assert source is not None
    is_whole = clip.fps == source.fps
    writer = writer_like(source, path, codec, clip.fps)
    with writer:
        for frame in clip.frames(pixels=True):
            assert frame.image is not None and frame.alpha is not None
            duration = frame.duration if is_whole else None  # else until where the next would be
            writer.write(draw(frame, frame.image, frame.alpha), frame.time, duration)
    clip.warnings.extend(writer.warnings)
