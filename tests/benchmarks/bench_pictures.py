"""What a frame costs outside the network: the whole pipeline around one that costs nothing."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch
from torch import Tensor

from kmn_cli.inference.pipeline import run_pipeline
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.media.result_formats import FORMATS, open_sinks
from kmn_cli.media.sinks import SoftSink
from kmn_cli.media.video import Frame, open_video
from kmn_cli.model import KMNConfig
from kmn_cli.model.decoder import DecoderSkips
from kmn_cli.model.kmn import Query
from tests.benchmarks.clock import memory, processor_seconds

SIZES = {"480p": (854, 480), "1080p": (1920, 1080), "4K": (3840, 2160)}
KINDS = {"masks": ("masks",), "masks, overlay": ("masks", "overlay"), "all": FORMATS}


class IdleNetwork:
    """A `Network` that finds its objects as discs side by side wherever it looks."""

    stride, device, precision = 16, torch.device("cpu"), "fp32"
    config = KMNConfig()

    def encode_query(self, images: Tensor) -> Query:
        return Query(images, DecoderSkips(images, images, images))

    def memorize(self, image: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        nothing = masks.new_empty(len(masks), 1, 1)
        return nothing, nothing

    def read(self, query: Query, memory: tuple[Tensor, Tensor], sigma: float | None) -> Tensor:
        return memory[1]

    def decode(self, readout: Tensor, query: Query) -> Tensor:
        return _discs(len(readout), *query.key.shape[2:])

    def at_once(self, image: Tensor) -> int:
        return 1


@cache
def _discs(objects: int, height: int, width: int) -> Tensor:
    y, x = torch.arange(height)[:, None] / height, torch.arange(width) / width
    share = 1 / objects
    centres = share * (torch.arange(objects) + 0.5)
    discs = [(0.45 - torch.hypot(y - 0.5, (x - c) / share)).mul(50).sigmoid() for c in centres]
    return torch.stack([1 - sum(discs), *discs]).clamp(min=0)


def measure(size: str, frames: int = 24) -> list[dict[str, float | str]]:
    """Milliseconds of the processor a frame, its helpers included, of each kind of results."""
    width, height = SIZES[size]
    mask = _columns(size, 2)
    rows: list[dict[str, float | str]] = []
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        draw_clip(clip, width, height, frames)
        for kind, formats in KINDS.items():
            before = processor_seconds()
            with open_video(clip) as reader:
                segmenter = VideoSegmenter(IdleNetwork(), SegmentOptions(size=320))
                run_pipeline(
                    reader,
                    segmenter,
                    open_sinks(formats, Path(folder) / kind, reader.info, None, lambda: (1, 2)),
                    lambda frame: None if frame.index else mask,
                    object_ids=(1, 2),
                )
            taken = 1000 * (processor_seconds() - before) / frames
            rows.append({"size": size, "results": kind, "ms_a_frame": taken, "fps": 2000 / taken})
    return rows


def draw_clip(path: Path, width: int, height: int, frames: int) -> None:
    """A video of moving test pictures."""
    source = f"testsrc2=size={width}x{height}:rate=24:duration={frames / 24}"
    make = ["-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-loglevel", "error", str(path)]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *make], check=True)


def soft_memory(objects: int = 40, size: str = "1080p") -> dict[str, float | str]:
    """Mebibytes that soft maps of many objects take when they wait for a slow disk."""
    grown, peak = memory(_soft_maps, objects, size)
    return {"size": size, "objects": objects, "grown": grown / 2**20, "peak": peak / 2**20}


class _SlowSink(SoftSink):
    def write(self, index: int, *_: object) -> None:
        if index == 0:
            time.sleep(30)  # until all that may wait is waiting


def _soft_maps(objects: int, size: str, frames: int = 7) -> Callable[[], object]:
    mask = _columns(size, objects)
    images = (Frame(i, str(i), np.full((*mask.shape, 3), i, np.uint8)) for i in range(frames))
    ids = range(1, objects + 1)
    return lambda: run_pipeline(
        images,
        VideoSegmenter(IdleNetwork(), SegmentOptions(size=320)),
        [_SlowSink(Path(), lambda: ids)],
        lambda frame: None if frame.index else mask,
        object_ids=ids,
    )


def _columns(size: str, objects: int) -> np.ndarray:
    """Labels of a first frame: a rectangle an object, side by side."""
    width, height = SIZES[size]
    mask = np.zeros((height, width), np.uint8)
    for number in range(objects):
        start, stop = (round((number + x) * width / objects) for x in (0.1, 0.8))
        mask[height // 3 : height // 2, start:stop] = number + 1
    return mask
