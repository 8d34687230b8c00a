"""How many three-frame samples a second `kmn train` makes, drawing included.

    python -m tests.benchmarks.bench_training [--crops 192,256,384] [--batches 4] [--device auto]
        [--set NAME=VALUE ...]

The pictures are drawn, 480 pixels high; the recipe is "fast" of the main stage, so that stages of
any length can be planned: crop, batch and time in, samples out. A sample's arithmetic is what
convolutions multiply and add, forward and backward, with nothing frozen: 675 GFLOP at 384x384.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import torch

from kmn_cli.data.scan import scan_stills
from kmn_cli.data.scene import Source
from kmn_cli.data.store import build_store
from kmn_cli.inference.device import choose_device
from kmn_cli.inference.measure import peak_memory, reset_peak_memory
from kmn_cli.model import KMN, KMNConfig
from kmn_cli.training.loop import Budget, train
from kmn_cli.training.recipe import Recipe
from tests.drawn_data import write_stills

SAMPLE_GFLOP, SAMPLE_CROP = 675, 384


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
    print(f"{device}: {why}; torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| crop | batch | samples a second | TFLOP a second | peak memory |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = build_store(scan_stills(write_stills(root, 8, (480, 640))), root / "cache", 480)
        for crop in map(int, options.crops.split(",")):
            for batch in map(int, options.batches.split(",")):
                changes = {"crop": crop, "batch": batch, **settings}
                recipe = Recipe.resolve("fast", "main", None, changes)
                sources = [Source(store.to(device), 1, recipe.motion(video=False))]
                run = root / f"{crop}-{batch}"
                run.mkdir()
                reset_peak_memory(device)
                # The first step is warm-up: the record of one step begins after it.
                budget = Budget(iterations=1 + options.steps, log_steps=1, save_minutes=1e9)
                torch.manual_seed(0)
                train(KMN(KMNConfig(trunk="resnet50v2")), sources, recipe, budget, run, device)
                log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
                speed = options.steps * batch / (log[-1]["seconds"] - log[0]["seconds"])
                work = speed * SAMPLE_GFLOP * (crop / SAMPLE_CROP) ** 2 / 1000
                memory = peak_memory(device) / 2**30
                print(f"| {crop} | {batch} | {speed:.2f} | {work:.2f} | {memory:.1f} GiB |")


if __name__ == "__main__":
    main()
