"""Fixtures of the tests that run commands: a movie, masks, tiny weights."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from forks import Forks
from PIL import Image
from typer.testing import CliRunner, Result

from kmn_cli.commands.app import app
from kmn_cli.media.video import open_video
from kmn_cli.model import KMN, KMNConfig, save_checkpoint

WIDTH, HEIGHT = 64, 48


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., None]:
    """Runs ffmpeg."""
    exe = imageio_ffmpeg.get_ffmpeg_exe()

    def run(*arguments: object) -> None:
        command = [exe, "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)]
        subprocess.run(command, check=True)

    return run


@pytest.fixture(scope="session")
def movie(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """Ten frames, 64x48, at 12.5 a second, with a tone."""
    path = tmp_path_factory.mktemp("movie") / "cat.mp4"
    picture = f"testsrc=size={WIDTH}x{HEIGHT}:rate=12.5:duration=0.8"
    ffmpeg(
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=0.8"),
        *("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", path),
    )
    return path


@pytest.fixture
def draw(tmp_path: Path) -> Callable[..., Path]:
    """Writes a grey mask with a square of each value, side by side."""

    def write(name: str, *values: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
        labels = np.zeros(size[::-1], np.uint8)
        for i, value in enumerate(values):
            labels[8:24, 2 + 20 * i : 20 + 20 * i] = value
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels, "L").save(path)
        return path

    return write


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a small network that knows nothing."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(path, KMN(KMNConfig.tiny()))
    return path


@pytest.fixture
def weights_at_32(tmp_path: Path) -> Path:
    """A checkpoint of a small network that is best at a short side of 32, to which it enlarges
    twice, and a kernel of 2.5."""
    torch.manual_seed(1)
    path = tmp_path / "at-32.safetensors"
    save_checkpoint(path, KMN(replace(KMNConfig.tiny(), size=32, sigma=2.5, enlarge=2.0)))
    return path


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Starts `kmn` in processes of its own."""
    with Forks() as server:
        yield server


@pytest.fixture
def kmn() -> Callable[..., Result]:
    """Runs a command in this process; arguments of any type become text."""

    def run(*arguments: object, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def segment(
    kmn: Callable[..., Result], tiny_weights: Path, tmp_path: Path
) -> Callable[..., Result]:
    """`kmn segment` with the tiny network, on the CPU, into tmp_path/out."""

    def run(*arguments: object, **options: Any) -> Result:
        common = ["--weights", tiny_weights, "--device", "cpu", "-o", tmp_path / "out"]
        return kmn("segment", *arguments, *common, **options)

    return run


@pytest.fixture
def folder(movie: Path, tmp_path: Path) -> Path:
    """The movie's frames as pictures whose names step by five."""
    path = tmp_path / "frames"
    path.mkdir()
    with open_video(movie) as reader:
        for frame in reader:
            Image.fromarray(frame.image).save(path / f"{5 * frame.index + 20:05d}.png")
    return path
