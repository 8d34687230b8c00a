"""Does a long run leak? One long clip, then many small videos, all in this process.

    python tests/benchmarks/bench_soak.py [--frames 10000] [--videos 300]

Exit status 1 when memory grows by more than 3 % after the first fifth of a part, or a file, a
thread or an ffmpeg is left open at its end.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import torch
from PIL import Image
from typer.testing import CliRunner

from kmn_cli.commands.app import app
from kmn_cli.model import KMN, KMNConfig, save_checkpoint

WARM_UP = 0.2  # of a part's duration
MAX_GROWTH = 0.03
SIZES = ((64, 48), (80, 64), (96, 48))


class Monitor(threading.Thread):
    """Samples this process's resident memory four times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.mib: list[float] = []
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(0.25):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.mib.append(pages * os.sysconf("SC_PAGESIZE") / 2**20)

    def stop(self) -> None:
        self._end.set()
        self.join()

    def growth(self) -> tuple[float, float]:
        """Median MiB right after the warm-up, and at the end."""
        rest = self.mib[int(len(self.mib) * WARM_UP) :]
        tenth = max(len(rest) // 10, 1)
        return statistics.median(rest[:tenth]), statistics.median(rest[-tenth:])


def handles() -> dict[str, int]:
    """Open files, threads and child processes."""
    gc.collect()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {
        "files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
        "threads": len(os.listdir("/proc/self/task")),  # noqa: PTH208
        "children": len(children),
    }


def make_video(path: Path, frames: int, size: tuple[int, int], mask: Path, objects: int) -> None:
    """A moving test picture, and a mask with squares side by side."""
    picture = f"testsrc=size={size[0]}x{size[1]}:rate=25:duration={frames / 25}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y"]
    command += ["-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    labels = np.zeros(size[::-1], np.uint8)
    for n in range(objects):
        labels[8:24, 2 + 20 * n : 18 + 20 * n] = n + 1
    Image.fromarray(labels).save(mask)


def soak(name: str, inputs: Path, mask: Path, weights: Path, out: Path) -> bool:
    """Segment, watch, and print what was seen as one JSON line; returns whether all is well."""
    before = handles()
    monitor = Monitor()
    monitor.start()
    start = time.monotonic()
    words = ["segment", inputs, "--mask", mask, "--weights", weights, "--device", "cpu"]
    words += ["--format", "masks,overlay", "-o", out, "--quiet"]
    result = CliRunner().invoke(app, list(map(str, words)))
    seconds = time.monotonic() - start
    monitor.stop()
    after = handles()
    first, last = monitor.growth()
    # The first part starts the threads of the libraries; they stay for the second.
    leaked = {key: after[key] - before[key] for key in ("files", "children")}
    leaked["threads"] = threading.active_count() - 1
    well = result.exit_code == 0 and last <= first * (1 + MAX_GROWTH) and not any(leaked.values())
    facts = {
        "part": name,
        "exit_code": result.exit_code,
        "frames": sum(1 for _ in out.rglob("masks/*.png")),
        "seconds": round(seconds, 1),
        "mib_after_warm_up": round(first, 1),
        "mib_at_end": round(last, 1),
        "growth_percent": round(100 * (last / first - 1), 2),
        "leaked": leaked,
        "system_threads": [before["threads"], after["threads"]],
        "well": well,
    }
    print(json.dumps(facts), flush=True)
    if result.exit_code:
        print(result.output, file=sys.stderr)
    return well


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--videos", type=int, default=300)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        weights = root / "tiny.safetensors"
        save_checkpoint(weights, KMN(KMNConfig.tiny()))
        make_video(root / "long.mp4", arguments.frames, SIZES[0], root / "long.png", 2)
        for place in ("shelf", "masks"):
            (root / place).mkdir()
        for n in range(arguments.videos):
            mask, size = root / f"masks/{n}.png", SIZES[n % len(SIZES)]
            make_video(root / f"shelf/{n}.mp4", 10, size, mask, 1 + n % 2)
        well = [
            soak("one long clip", root / "long.mp4", root / "long.png", weights, root / "one"),
            soak("many videos", root / "shelf", root / "masks", weights, root / "many"),
        ]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
