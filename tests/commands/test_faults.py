"""What goes wrong with a machine: a clear error, the right exit code, and the batch goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import Result

from kmn_cli.inference.pipeline import QUEUE_DEPTH
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.ffmpeg import Ffmpeg
from kmn_cli.media.video import open_video

Kmn = Callable[..., Result]
Draw = Callable[..., Path]


@pytest.fixture
def shelf(movie: Path, draw: Draw, tmp_path: Path) -> Path:
    """Two videos and their masks."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name in ("a", "b"):
        shutil.copy(movie, shelf / f"{name}.mp4")
        draw(f"masks/{name}.png", 1)
    return shelf


@pytest.fixture
def run(kmn: Kmn, tiny_weights: Path, tmp_path: Path) -> Kmn:
    def segment(*arguments: object) -> Result:
        common = ["--mask", tmp_path / "masks", "--weights", tiny_weights, "--device", "cpu"]
        result = kmn("segment", *arguments, *common)
        assert not [t for t in threading.enumerate() if t is not threading.main_thread()]
        assert "Traceback" not in result.output
        return result

    return segment


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """Does something in the middle of a video: before the n-th step of the network."""
    real = VideoSegmenter.step

    def arrange(number: int, do: Callable[[], None]) -> None:
        count: list[int] = []

        def step(self: VideoSegmenter, *arguments: Any, **rest: Any) -> Any:
            count.append(1)
            if len(count) == number:
                do()
            return real(self, *arguments, **rest)

        monkeypatch.setattr(VideoSegmenter, "step", step)

    return arrange


def raise_(error: BaseException) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


def whole_files_only(folder: Path) -> int:
    """Check that every picture and video under a final name is whole; returns their number."""
    count = 0
    for path in folder.rglob("*"):
        if path.suffix == ".png":
            assert np.asarray(Image.open(path)).size
            count += 1
        elif path.suffix == ".mp4":
            with open_video(path) as reader:
                assert sum(1 for _ in reader)
    return count


def failures(out: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((out / "summary.json").read_text())
    return {Path(entry["input"]).name: entry for entry in document["failed"]}


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"
        ),
        MemoryError(),
    ],
)
def test_out_of_memory_costs_one_video(
    run: Kmn,
    shelf: Path,
    tmp_path: Path,
    at_step: Callable[..., None],
    error: BaseException,
) -> None:
    at_step(4, raise_(error))
    result = run(shelf, "-o", tmp_path / "out")
    assert result.exit_code == 6
    failed = failures(tmp_path / "out")["a.mp4"]
    assert failed["exit_code"] == 5
    assert "--size" in failed["hint"]
    assert whole_files_only(tmp_path / "out/a") == 3
    assert (tmp_path / "out/b/result.json").exists()


def test_a_folder_that_may_not_be_written(run: Kmn, shelf: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "a").mkdir(parents=True)
    if os.geteuid() == 0:
        if subprocess.run(["chattr", "+i", out / "a"], capture_output=True).returncode:
            pytest.skip("root writes everywhere here")
    else:
        (out / "a").chmod(0o500)
    try:
        result = run(shelf, "-o", out)
    finally:
        if os.geteuid() == 0:
            subprocess.run(["chattr", "-i", out / "a"], check=True)
        (out / "a").chmod(0o700)
    assert result.exit_code == 6
    assert failures(out)["a.mp4"]["exit_code"] == 3
    assert str(out / "a") in failures(out)["a.mp4"]["message"]
    assert (out / "b/result.json").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("formats", ["masks", "overlay", "masks,overlay,soft,cutout"])
def test_a_full_disk(
    run: Kmn,
    shelf: Path,
    tmp_path: Path,
    small_disk: Path,
    at_step: Callable[..., None],
    formats: str,
) -> None:
    ballast = small_disk / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)) == 4096:
                pass

    def fill_quietly() -> None:
        try:
            fill()
        except OSError:
            return

    at_step(5, fill_quietly)
    options = ["--format", formats, "--save-every", "0.000001"]
    result = run(shelf, "-o", small_disk / "out", *options)
    assert result.exit_code == 6, result.output
    assert "space" in result.stderr
    whole_files_only(small_disk / "out")
    ballast.unlink()
    assert run(shelf, "-o", small_disk / "out", *options).exit_code == 0
    assert run(shelf, "-o", tmp_path / "whole", *options).exit_code == 0
    for path in (tmp_path / "whole").rglob("*.png"):
        again = small_disk / "out" / path.relative_to(tmp_path / "whole")
        assert again.read_bytes() == path.read_bytes()


def test_a_folder_of_frames_that_disappears(
    run: Kmn, shelf: Path, movie: Path, tmp_path: Path, at_step: Callable[..., None]
) -> None:
    frames = shelf / "a"
    frames.mkdir()
    (shelf / "a.mp4").unlink()
    with open_video(movie) as reader:
        for frame in reader:
            Image.fromarray(frame.image).save(frames / f"{frame.index}.png")
    at_step(2, lambda: shutil.rmtree(frames))
    result = run(shelf, "-o", tmp_path / "out")
    assert result.exit_code == 6
    assert failures(tmp_path / "out")["a"]["exit_code"] == 3
    assert (tmp_path / "out/b/result.json").exists()


def test_a_video_that_is_gone_when_its_turn_comes(
    run: Kmn, shelf: Path, tmp_path: Path, at_step: Callable[..., None]
) -> None:
    at_step(2, (shelf / "b.mp4").unlink)
    result = run(shelf, "-o", tmp_path / "out")
    assert result.exit_code == 6
    assert "b.mp4" in failures(tmp_path / "out")["b.mp4"]["message"]
    assert (tmp_path / "out/a/result.json").exists()


def test_ffmpeg_is_killed(
    run: Kmn,
    shelf: Path,
    tmp_path: Path,
    at_step: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    ffmpeg: Callable[..., None],
) -> None:
    # Long enough that ffmpeg has not done its part when it is killed.
    picture = "testsrc=size=640x480:rate=25:duration=2"
    ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", shelf / "a.mp4")
    Image.new("L", (640, 480), 1).save(tmp_path / "masks/a.png")
    running: list[int] = []
    real = Ffmpeg.__init__

    def start(self: Ffmpeg, arguments: Any, **rest: Any) -> None:
        real(self, arguments, **rest)
        running.append(self.pid)

    monkeypatch.setattr(Ffmpeg, "__init__", start)
    at_step(8, lambda: os.kill(running[0], signal.SIGKILL))
    options = ["--size", "32", "--format", "masks,overlay"]
    result = run(shelf, "-o", tmp_path / "out", *options)
    assert result.exit_code == 6, result.output
    assert list(failures(tmp_path / "out")) == ["a.mp4"]
    # What waits for the writer when it dies is lost, and nothing else.
    assert whole_files_only(tmp_path / "out/a") >= 7 - QUEUE_DEPTH
    assert not (tmp_path / "out/a/overlay.mp4").exists()
    assert (tmp_path / "out/b/result.json").exists()


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_one_video(
    run: Kmn, shelf: Path, tmp_path: Path, draw: Draw, ffmpeg: Callable[..., None]
) -> None:
    picture = "testsrc=size=64x48:rate=25:duration=60"
    ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", shelf / "a.mp4")
    out, killed = tmp_path / "out", list[int]()

    def kill() -> None:
        while not killed:
            if (out / "a/masks/00003.png").exists():
                killed.append(int((out / "a/.claim").read_text().split()[1]))
                os.kill(killed[0], signal.SIGKILL)

    threading.Thread(target=kill).start()
    common = ["--workers", 2, "--format", "masks", "-o", out]
    result = run(shelf, *common)
    assert result.exit_code == 6, result.output
    failed = failures(out)["a.mp4"]
    assert failed["exit_code"] == 5
    assert "signal 9" in failed["message"]
    assert (out / "b/result.json").exists()
