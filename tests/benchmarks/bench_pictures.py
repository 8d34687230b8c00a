"""What a frame costs outside the network: the whole pipeline around one that costs nothing."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch
from torch import Tensor

from kmn_cli.inference.pipeline import run_pipeline
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.media.sinks import FORMATS, open_sinks
from kmn_cli.media.video import open_video
from kmn_cli.model import KMNConfig
from kmn_cli.model.decoder import DecoderSkips
from kmn_cli.model.kmn import Query

SIZES = {"480p": (854, 480), "1080p": (1920, 1080), "4K": (3840, 2160)}
KINDS = {"masks": ("masks",), "masks, overlay": ("masks", "overlay"), "all": FORMATS}


class IdleNetwork:
    """A `Network` that finds two discs wherever it looks."""

    stride, device, precision = 16, torch.device("cpu"), "fp32"
    config = KMNConfig()

    def encode_query(self, images: Tensor) -> Query:
        nothing = images.new_empty(len(images), 1, 1, 1)
        return Query(nothing, DecoderSkips(nothing, nothing, nothing))

    def memorize(self, image: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        nothing = masks.new_empty(len(masks), 1, 1)
        return nothing, nothing

    def read(self, query: Query, memory: tuple[Tensor, Tensor], sigma: float | None) -> Tensor:
        return memory[1]

    def decode(self, readout: Tensor, query: Query, image: Tensor) -> Tensor:
        height, width = image.shape[2:]
        y, x = torch.arange(height)[:, None] / height, torch.arange(width) / height
        discs = [(0.4 - torch.hypot(y - 0.5, x - c)).mul(100).sigmoid() for c in (0.45, 1.3)]
        first, second = discs[0], discs[1] * (1 - discs[0])
        return torch.stack([1 - first - second, first, second])

    def at_once(self, image: Tensor) -> int:
        return 1


def measure(size: str, frames: int = 24) -> list[dict[str, float | str]]:
    """Milliseconds of the processor a frame, its helpers included, of each kind of results."""
    width, height = SIZES[size]
    mask = np.zeros((height, width), np.uint8)
    mask[height // 3 : height // 2, : width // 3] = 1
    mask[height // 3 : height // 2, width // 2 :] = 2
    rows: list[dict[str, float | str]] = []
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        draw_clip(clip, width, height, frames)
        for kind, formats in KINDS.items():
            before = _processor_seconds()
            with open_video(clip) as reader:
                segmenter = VideoSegmenter(IdleNetwork(), SegmentOptions(size=320))
                run_pipeline(
                    reader,
                    segmenter,
                    open_sinks(formats, Path(folder) / kind, reader.info, None, lambda: (1, 2)),
                    lambda frame: None if frame.index else mask,
                    object_ids=(1, 2),
                )
            taken = 1000 * (_processor_seconds() - before) / frames
            rows.append({"size": size, "results": kind, "ms_a_frame": taken, "fps": 2000 / taken})
    return rows


def draw_clip(path: Path, width: int, height: int, frames: int) -> None:
    """A video of moving test pictures."""
    source = f"testsrc2=size={width}x{height}:rate=24:duration={frames / 24}"
    make = ["-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-loglevel", "error", str(path)]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *make], check=True)


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
