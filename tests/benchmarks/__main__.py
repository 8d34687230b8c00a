"""Speed as ratios in one process: `make bench`.

    python -m tests.benchmarks [--full] [--repeats N]

Prints tables and writes benchmarks.json. --full adds 8 objects, 1080p and more memory sizes, which
takes an hour on a small CPU.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from tests.benchmarks import bench_frame, bench_read

FRAMES = [(1, 21, "480p"), (3, 5, "480p"), (1, 5, "480p")]
MORE_FRAMES = [
    (objects, frames, size)
    for size in ("480p", "1080p")
    for objects in (1, 3, 8)
    for frames in (2, 5, 10, 20, 40)
]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    reads = [bench_read.measure(frames, options.repeats) for frames in (2, 5, 10, 20, 40)]
    show("Read, 854x480, one object", reads)
    cases = FRAMES + (MORE_FRAMES if options.full else [])
    frames = [bench_frame.measure(*case, options.repeats) for case in cases]
    show("Whole frames, fp32", frames)
    one_object = next(row for row in frames if (row["objects"], row["frames"]) == (1, 5))
    ratios = {
        "frame_1obj_T21": frames[0]["ratio"],
        "frame_3obj_T5": frames[1]["ratio"],
        "read_T20_time": reads[3]["time_ratio"],
        "read_T20_memory": reads[3]["memory_ratio"],
        "3obj_to_1obj_T5": float(frames[1]["fast_seconds"]) / float(one_object["fast_seconds"]),
    }
    show("Ratios", [ratios])
    document = {
        "ratios": ratios,
        "reads": reads,
        "frames": frames,
        "threads": torch.get_num_threads(),
    }
    Path("benchmarks.json").write_text(json.dumps(document, indent=2) + "\n")


def show(title: str, rows: Sequence[dict[str, float | str]] | Sequence[dict[str, float]]) -> None:
    """One table."""
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else f"{v}" for v in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
