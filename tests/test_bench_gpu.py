"""The benchmark of a GPU, of which a minute is all there may be, runs: here on a CPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import bench_gpu

REHEARSAL = ["--device", "cpu", "--precision", "fp32", "--rehearse", "--weights"]
# On a machine that has torch, OpenCV, Pillow, typer, rich, safetensors and nothing else.
BARE = """
import sys
sys.modules |= dict.fromkeys(("av", "imageio", "imageio_ffmpeg", "pycocotools", "openvino"))
from tests.benchmarks.bench_gpu import main
main()
"""


def test_from_file_to_masks(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench_gpu", *REHEARSAL, str(tiny_weights)])
    bench_gpu.main()
    rows = [line for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert len(rows) == 3 * len(bench_gpu.CASES)
    assert all(row.split("│")[-2].strip() for row in rows)


def test_without_ffmpeg(tiny_weights: Path) -> None:
    command = [sys.executable, "-c", BARE, *REHEARSAL, tiny_weights]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "roofline" in done.stdout
