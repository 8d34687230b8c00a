"""The examples for clusters, run as they stand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

pytestmark = pytest.mark.slow


@pytest.fixture
def words(movie: Path, draw: Callable[..., Path], tmp_path: Path) -> list[str]:
    """VIDEOS MASKS OUT of three videos, with a space in every name."""
    shelf = tmp_path / "my videos"
    for name in ("a cat", "b", "c"):
        shelf.mkdir(exist_ok=True)
        shutil.copy(movie, shelf / f"{name}.mp4")
        draw(f"my masks/{name}.png", 1)
    return [str(shelf), str(tmp_path / "my masks"), str(tmp_path / "my out")]


@pytest.fixture
def options(tiny_weights: Path) -> list[str]:
    return ["--weights", str(tiny_weights), "--device", "cpu", "--format", "masks"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """With `kmn` on the path, whatever the tests were started from."""
    (tmp_path / "bin").mkdir()
    kmn = tmp_path / "bin" / "kmn"
    kmn.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kmn_cli "$@"\n')
    kmn.chmod(0o755)
    path = f"{kmn.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}


def check_all_done(out: Path, parts: int) -> None:
    assert {path.parent.name for path in out.glob("*/result.json")} == {"a cat", "b", "c"}
    summaries = [json.loads(path.read_text()) for path in out.glob(f"summary-*-of-{parts}.json")]
    assert len(summaries) == parts
    assert sum(summary["done"] for summary in summaries) == 3


def test_gnu_parallel(words: list[str], options: list[str], environment: dict[str, str]) -> None:
    if shutil.which("parallel") is None:
        pytest.skip("GNU parallel is not installed")
    command = [EXAMPLES / "gnu_parallel.sh", "2", *words, *options]
    subprocess.run(list(map(str, command)), env=environment, check=True)
    check_all_done(Path(words[2]), 2)


def test_slurm_tasks_as_slurm_would_start_them(
    words: list[str], options: list[str], environment: dict[str, str]
) -> None:
    for task in ("1", "2"):
        slurm = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": "2"}
        slurm |= {"SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_STEP": "1"}
        command = ["bash", str(EXAMPLES / "slurm_array.sh"), *words, *options]
        subprocess.run(command, env={**environment, **slurm}, check=True)
    check_all_done(Path(words[2]), 2)
    assert len(list(Path(words[2]).glob("log-?.jsonl"))) == 2


def test_slurm(
    words: list[str], options: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    if shutil.which("sbatch") is None:
        pytest.skip("Slurm is not installed")
    command = ["sbatch", "--wait", "--array=1-2", f"--output={tmp_path}/%a.txt"]
    command += [str(EXAMPLES / "slurm_array.sh"), *words, *options]
    submitted = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert submitted.returncode == 0, submitted.stderr
    check_all_done(Path(words[2]), 2)
