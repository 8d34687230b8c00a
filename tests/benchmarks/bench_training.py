"""How many three-frame samples a second `kmn train` draws, and how many it learns from.

    python -m tests.benchmarks.bench_training [--crops 192,256,384] [--batches 4] [--device auto]
        [--steps 4] [--set NAME=VALUE ...]

The pictures are drawn, 480 pixels high; the recipe is "fast" of the main stage, so that stages of
any length can be planned: crop, batch and time in, samples out. A sample's arithmetic is what
convolutions multiply and add, forward and backward, with nothing frozen and the paper's decoder:
675 GFLOP at 384x384. On a CPU with glibc each line is measured twice, in processes of their own:
with the memory handed back and taken anew as glibc has it, and kept, as `kmn train` does.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from kmn_cli.data.clips import draw_batch
from kmn_cli.data.scan import scan_stills
from kmn_cli.data.scene import Source
from kmn_cli.data.store import build_store
from kmn_cli.inference.captured import WARM_UP
from kmn_cli.inference.device import choose_device
from kmn_cli.inference.measure import peak_memory, reset_peak_memory
from kmn_cli.model import KMN, KMNConfig
from kmn_cli.training import machine
from kmn_cli.training.budget import Budget
from kmn_cli.training.loop import train
from kmn_cli.training.recipe import Recipe
from tests.benchmarks.clock import wait
from tests.drawn_data import write_stills

SAMPLE_GFLOP, SAMPLE_CROP = 675, 384


class Speed(NamedTuple):
    """Of one crop and batch."""

    drawn: float  # samples a second
    trained: float
    peak: int  # bytes
    losses: list[float]


def measure(device: torch.device, recipe: Recipe, steps: int, kept: bool) -> Speed:
    """Draws and trains `steps` steps after the first ones, which are warm-up: a GPU records a step
    for each number of objects."""
    first = 2 if device.type == "cpu" else 4 * (WARM_UP + 1)
    machine.prepare(device) if kept else None
    reset_peak_memory(device)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = build_store(scan_stills(write_stills(root, 8, (480, 640))), root / "cache", 480)
        sources = [Source(store.to(device), 1, recipe.motion(video=False))]
        drawn = _draw(sources, recipe, steps)
        budget = Budget(iterations=first + steps, log_steps=1, save_minutes=1e9)
        torch.manual_seed(0)
        model = KMN(KMNConfig(trunk="resnet50v2", decoder_dim=recipe.decoder_dim))
        train(model, sources, recipe, budget, root, device)
        log = [json.loads(line) for line in (root / "log.jsonl").read_text().splitlines()]
    trained = steps * recipe.batch / (log[-1]["seconds"] - log[first - 1]["seconds"])
    return Speed(drawn, trained, peak_memory(device), [line["loss"] for line in log])


def _draw(sources: list[Source], recipe: Recipe, steps: int) -> float:
    """Samples a second."""
    for step in range(-1, steps):
        if step == 0:
            wait()
            start = time.perf_counter()
        draw_batch(sources, recipe.clip_settings(1.0), 0, 1 + step, range(recipe.batch))
    wait()
    return steps * recipe.batch / (time.perf_counter() - start)


def _alone(*arguments: Any) -> Speed:
    """Measured in a process of its own, which has not learned to keep memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crops", default="192,256,384")
    parser.add_argument("--batches", default="4")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    device, why = choose_device(options.device)
    settings = dict(setting.split("=", 1) for setting in options.set)
    both = device.type == "cpu" and platform.libc_ver()[0] == "glibc"
    print(f"{device}: {why}; torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| crop | batch | memory | drawn a second | trained a second | TFLOP a second | peak |")
    print("|---|---|---|---|---|---|---|")
    for crop in map(int, options.crops.split(",")):
        for batch in map(int, options.batches.split(",")):
            changes = {"crop": crop, "batch": batch, **settings}
            recipe = Recipe.resolve("fast", "main", None, changes)
            speeds = {
                "kept" if kept else "handed back": _alone(device, recipe, options.steps, kept)
                for kept in ([False, True] if both else [True])
            }
            for name, speed in speeds.items():
                work = speed.trained * SAMPLE_GFLOP * (crop / SAMPLE_CROP) ** 2 / 1000
                print(
                    f"| {crop} | {batch} | {name} | {speed.drawn:.1f} | {speed.trained:.2f} "
                    f"| {work:.2f} | {speed.peak / 2**30:.1f} GiB |"
                )
            if both:
                before, after = speeds.values()
                equal = "the same losses" if before.losses == after.losses else "OTHER LOSSES"
                print(f"\n{after.trained / before.trained:.2f} times as fast, {equal}\n")


if __name__ == "__main__":
    main()
