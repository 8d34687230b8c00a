"""Whole frames, from the picture to the labels: kmn against the plain baseline."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import torch

from kmn_cli.inference.device import has_fast_bf16
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.model import KMN, load_checkpoint
from tests.benchmarks.clock import medians, memory
from tests.benchmarks.picture import SIZES, picture_and_mask
from tests.benchmarks.plain import PlainSegmenter

PRECISIONS = ("fp32", "bf16", "int8")
PLAIN_BANK = 24  # frames times objects at 480p: more would not fit into 16 GB


def precisions(device: str) -> list[str]:
    """fp32, bf16 where the device has it in hardware, int8 where it is installed."""
    bf16 = has_fast_bf16(torch.device(device))
    int8 = device == "cpu" and find_spec("openvino") is not None
    return ["fp32"] + ["bf16"] * bf16 + ["int8"] * int8


def network() -> KMN:
    """The shipped one: what users wait for."""
    return load_checkpoint().model


def fast_step(
    frames: int, size: str, objects: int, device: str, precision: str
) -> Callable[[], object]:
    """A step of the segmenter whose memory holds `frames` frames."""
    picture, mask = picture_and_mask(SIZES[size], objects)
    options = SegmentOptions(size=0, max_memory_frames=frames)
    segmenter = VideoSegmenter(ready_for_inference(network(), device, precision), options)
    segmenter.step(picture, mask)
    segmenter.step(picture)
    segmenter.fill_memory(frames)
    return lambda: segmenter.step(picture)


def plain_step(frames: int, size: str, objects: int) -> Callable[[], object]:
    """The same of the baseline, on the CPU."""
    picture, mask = picture_and_mask(SIZES[size], objects)
    segmenter = PlainSegmenter(network(), 0, frames)
    segmenter.step(picture, mask)
    segmenter.step(picture)
    segmenter.bank *= frames
    return lambda: segmenter.step(picture)


def measure(
    objects: int, frames: int, size: str, repeats: int, device: str, *, against_plain: bool = True
) -> dict[str, float | str | None]:
    """Seconds a frame in each of the precisions that are at hand, and of the baseline."""
    found = precisions(device)
    case = (frames, size, objects)
    steps = [fast_step(*case, device, precision) for precision in found]
    against_plain &= device == "cpu" and size == "480p" and objects * frames <= PLAIN_BANK
    if against_plain:
        steps.append(plain_step(*case))
    seconds = medians(steps, repeats)
    plain = seconds.pop() if against_plain else None
    taken = dict(zip(found, seconds, strict=True))
    peaks = {name: memory(fast_step, *case, device, name)[1] / 2**20 for name in found}
    return {
        "size": size,
        "objects": objects,
        "frames": frames,
        **{f"{name}_seconds": taken.get(name) for name in PRECISIONS},
        "plain_seconds": plain,
        "ratio": taken["fp32"] / plain if plain else None,
        **{f"{name}_peak_mib": peaks.get(name) for name in PRECISIONS},
    }
