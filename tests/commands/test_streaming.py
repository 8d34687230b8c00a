"""Long videos: memory does not grow with their length."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(
    tiny_weights: Path, draw: Callable[..., Path], tmp_path: Path, ffmpeg: Callable[..., None]
) -> None:
    mask = draw("m.png", 1, 2, size=(320, 240))

    def peak(frames: int) -> int:
        """Peak memory in bytes of a process that segments so many frames."""
        video = tmp_path / f"{frames}.mp4"
        picture = f"testsrc=size=320x240:rate=25:duration={frames / 25}"
        ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", video)
        command = [sys.executable, "-m", "kmn_cli", "segment", video, "--mask", mask]
        command += ["--weights", tiny_weights, "--device", "cpu", "--size", "64"]
        command += ["--format", "masks,overlay,soft,cutout,alpha", "-o", tmp_path, "--json"]
        run = subprocess.run(
            list(map(str, command)),
            check=True,
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        document = json.loads(run.stdout)
        assert document["frames"] == frames
        return int(document["peak_memory_bytes"])

    assert peak(1000) <= 1.05 * peak(100)
