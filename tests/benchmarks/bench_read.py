"""The kernelized read: tiles against the equations as they stand."""

from __future__ import annotations

from collections.abc import Callable

import torch

from kmn_cli.model.memory_read import read_tiled
from tests.benchmarks.clock import medians, memory
from tests.benchmarks.plain import naive_read

GRID = (30, 54)  # 854 x 480 at stride 16
READS = {"tiled": read_tiled, "naive": naive_read}


def prepare(name: str, frames: int, device: str = "cpu") -> Callable[[], object]:
    """A read of one object from a memory of random keys."""
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    height, width = GRID
    query = torch.randn(128, height, width).to(device)
    key = torch.randn(1, frames * height * width, 128).to(device)
    value = torch.randn(1, frames * height * width, 512).to(device)

    def call() -> object:
        with torch.inference_mode():
            return READS[name](query, key, value, 7.0)

    return call


def measure(frames: int, repeats: int, device: str) -> dict[str, float]:
    """Seconds and extra bytes of both reads, and their ratios."""
    tiled, naive = medians([prepare(name, frames, device) for name in READS], repeats)
    grown = {name: memory(prepare, name, frames, device)[0] for name in READS}
    return {
        "frames": frames,
        "tiled_seconds": tiled,
        "naive_seconds": naive,
        "time_ratio": tiled / naive,
        "tiled_mib": grown["tiled"] / 2**20,
        "naive_mib": grown["naive"] / 2**20,
        "memory_ratio": grown["tiled"] / grown["naive"],
    }
