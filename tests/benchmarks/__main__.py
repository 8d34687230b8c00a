"""Speed and memory, as figures and as ratios to the plain baseline: `make bench`.

    python -m tests.benchmarks [read] [stages] [frames] [pictures] [video] [agreement] [long] [full]

Without parts it measures read, stages, frames and pictures, which takes some minutes on a small
CPU. `full` adds more objects, memory sizes and 1080p to read and frames, which takes an hour;
`pictures` is everything but the network; `video` reads and writes a clip beside plain pipes;
`agreement` compares labels with the baseline's; `long` is a video of 2,000 frames.

Prints tables and writes benchmarks.json; parts that are not measured keep what the file says.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import kmn_cli  # noqa: F401 - before torch, as in the command: it says how torch's threads wait

# isort: split
import torch

from kmn_cli.inference.device import choose_device
from tests.benchmarks import (
    bench_agreement,
    bench_frame,
    bench_long,
    bench_pictures,
    bench_read,
    bench_stages,
    bench_video,
)
from tests.benchmarks.speed_table import speed_table
from tests.benchmarks.table import Row, show

PARTS = ("read", "stages", "frames", "pictures", "video", "agreement", "long", "full")
FILE = Path("benchmarks.json")

FRAMES = [(1, 21, "480p"), (3, 5, "480p"), (1, 5, "480p")]
MORE_FRAMES = [
    *((objects, frames, "480p") for objects in (1, 3, 8) for frames in (2, 5, 10, 20, 40)),
    *((1, 5, "1080p"), (1, 20, "1080p"), (3, 5, "1080p")),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    parts = set(options.parts) - {"full"} or {"read", "stages", "frames", "pictures"}
    full, repeats = "full" in options.parts, options.repeats
    device, reason = choose_device(options.device)
    machine = {
        "device": str(device),
        "name": torch.cpu.get_capabilities()["cpu_name"] if device.type == "cpu" else reason,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    document = _earlier(machine)
    if "read" in parts:
        counts = (2, 5, 10, 20, 40) if full else (5, 20)
        rows = [bench_read.measure(n, repeats, device.type) for n in counts]
        document["reads"] = show("Read, one object at 480p, fp32", rows)
    if "stages" in parts:
        stages = bench_stages.measure(repeats, device.type)
        document["stages"] = show("Stages, one object at 480p", stages)
        document["files"] = show("Files, 640x360", bench_stages.measure_files())
    if "frames" in parts:
        cases = list(dict.fromkeys(FRAMES + MORE_FRAMES if full else FRAMES))
        frames = [bench_frame.measure(*case, repeats, device.type) for case in cases]
        document["frames"] = show("Whole frames", frames)
        print(speed_table(frames, bench_frame.precisions(device.type)))
    if "pictures" in parts:
        rows = [row for size in bench_pictures.SIZES for row in bench_pictures.measure(size)]
        document["pictures"] = show("Outside the network, on the processor", rows)
        document["soft_maps"] = show("Soft maps that wait, MiB", [bench_pictures.soft_memory()])
    if "video" in parts:
        document["video"] = show("A 1080p clip, on the processor", bench_video.measure())
    if "agreement" in parts:
        agreed = bench_agreement.measure(480, bench_frame.precisions("cpu"))
        document["agreement"] = show("Labels equal to the baseline's", agreed)
    if "long" in parts:
        document["long"] = show("A long video", [bench_long.measure()])
    document["ratios"] = _ratios(document)
    show("Ratios", [document["ratios"]])
    FILE.write_text(json.dumps(document, indent=2) + "\n")


def _earlier(machine: dict[str, Any]) -> dict[str, Any]:
    """What was measured before on the same machine."""
    try:
        document: dict[str, Any] = json.loads(FILE.read_text())
    except (OSError, ValueError):
        return {"machine": machine}
    return document if document.get("machine") == machine else {"machine": machine}


def _ratios(document: Mapping[str, Sequence[Row]]) -> dict[str, float | None]:
    """The marks: fast to plain; none where a part has not been measured."""
    reads = {row["frames"]: row for row in document.get("reads", ())}
    frames = {(row["objects"], row["frames"]): row for row in document.get("frames", ())}
    return {
        "frame_1obj_T21": frames.get((1, 21), {}).get("ratio"),
        "frame_3obj_T5": frames.get((3, 5), {}).get("ratio"),
        "read_T20_time": reads.get(20, {}).get("time_ratio"),
        "read_T20_memory": reads.get(20, {}).get("memory_ratio"),
    }


if __name__ == "__main__":
    main()
