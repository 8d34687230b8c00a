"""The stages of a frame, one object at 480p: seconds, arithmetic and speed of each."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from kmn_cli.inference.device import has_fast_bf16
from kmn_cli.inference.torch_network import TorchNetwork
from kmn_cli.media.labels import read_mask
from kmn_cli.media.result_formats import open_sinks
from kmn_cli.media.video import Frame, open_video
from kmn_cli.model import KMN
from kmn_cli.model.decoder import DecoderSkips
from tests.benchmarks.bench_agreement import EXAMPLES
from tests.benchmarks.bench_frame import network
from tests.benchmarks.clock import medians

Calls = dict[str, Callable[[], object]]


def stages(model: KMN, device: str, precision: str, *, plain: bool = False) -> Calls:
    """The network's stages; those of the baseline keep its layout."""
    layout = torch.contiguous_format if plain else torch.channels_last
    torch.manual_seed(0)

    def noise(*shape: int) -> torch.Tensor:
        return torch.rand(1, *shape).to(device).contiguous(memory_format=layout)

    image, mask, readout = noise(3, 480, 864), noise(1, 480, 864), noise(512, 30, 54)
    value, r3, r2 = noise(512, 30, 54), noise(512, 60, 108), noise(256, 120, 216)

    def run(work: Callable[[], object]) -> Callable[[], object]:
        def call() -> object:
            mixed = torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")
            with torch.inference_mode(), mixed:
                return work()

        return call

    share = run(lambda: model.decoder.skips(value, r3, r2))
    skips = cast(DecoderSkips, share())
    return {
        "query encoder": run(lambda: model.query_head(model.query_encoder(image).r4)),
        "memory encoder": run(lambda: model.memorize(image, mask)),
        "decoder skips": share,
        "decoder tail": run(lambda: model.decoder(readout, skips)),
    }


def measure(repeats: int, device: str) -> list[dict[str, float | str | None]]:
    """A row for each stage of the network."""
    kind = torch.device(device)
    runs = {"fp32": stages(TorchNetwork(network(), kind, "fp32").model, device, "fp32")}
    if has_fast_bf16(kind):
        runs["bf16"] = stages(TorchNetwork(network(), kind, "bf16").model, device, "bf16")
    runs["plain"] = stages(network().to(device), device, "fp32", plain=True)
    rows: list[dict[str, float | str | None]] = []
    for stage in runs["fp32"]:
        taken = medians([calls[stage] for calls in runs.values()], repeats)
        seconds = dict(zip(runs, taken, strict=True))
        with FlopCounterMode(display=False) as counter:
            runs["fp32"][stage]()
        flop = counter.get_total_flops()
        rows.append(
            {
                "stage": stage,
                "gflop": flop / 1e9,
                "plain_seconds": seconds["plain"],
                "fp32_seconds": seconds["fp32"],
                "fp32_gflops": flop / seconds["fp32"] / 1e9,
                "bf16_seconds": seconds.get("bf16"),
                "bf16_gflops": flop / seconds["bf16"] / 1e9 if "bf16" in seconds else None,
            }
        )
    return rows


def measure_files() -> list[dict[str, float | str]]:
    """Milliseconds a frame of reading and writing, each alone, for the demo clip."""
    labels = read_mask(EXAMPLES / "bunny.png").labels
    ids = (int(labels.max()),)
    start = time.perf_counter()
    with open_video(EXAMPLES / "bunny.mp4") as reader:
        frames: list[Frame] = list(reader)
        info = reader.info
    rows: list[dict[str, float | str]] = [_files_row("decode", start, len(frames))]
    soft = 255 * np.stack([labels == 0, labels > 0]).astype(np.uint8)
    for name in ("masks", "overlay", "soft", "cutout"):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            [sink] = open_sinks([name], Path(folder), info, None, lambda: ids)
            with sink:
                for frame in frames:
                    sink.write(frame.index, frame, labels, soft)
            rows.append(_files_row(f"write {name}", start, len(frames)))
    return rows


def _files_row(name: str, start: float, frames: int) -> dict[str, float | str]:
    return {"stage": name, "ms_a_frame": 1e3 * (time.perf_counter() - start) / frames}
