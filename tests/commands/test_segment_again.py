"""A run that was stopped, and a second run into the same folder."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_fixtures import HEIGHT, WIDTH
from PIL import Image
from results import files_in, masks_in, result_of
from typer.testing import Result

from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.mask_folders import UNFINISHED
from kmn_cli.media.video import open_video

Kmn = Callable[..., Result]
Draw = Callable[..., Path]


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (torch.OutOfMemoryError("CUDA out of memory"), 5)],
)
def test_a_run_that_is_stopped_keeps_whole_files_only(
    segment: Kmn,
    movie: Path,
    draw: Draw,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
) -> None:
    real = VideoSegmenter.step
    calls: list[int] = []

    def step(self: VideoSegmenter, *arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 5:
            raise error
        return real(self, *arguments, **options)

    monkeypatch.setattr(VideoSegmenter, "step", step)
    threads = threading.active_count()
    result = segment(movie, "--mask", draw("m.png", 1))
    assert result.exit_code == code
    whole = {f"masks/{i:05d}.png" for i in range(4)}
    assert files_in(tmp_path / "out" / "cat") == {*whole, UNFINISHED}
    assert threading.active_count() == threads


def test_ctrl_c_saves_the_state_and_the_same_command_goes_on(
    segment: Kmn, movie: Path, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = VideoSegmenter.step, list[int]()

    def step(self: VideoSegmenter, *arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 5:  # in the middle of a frame
            signal.raise_signal(signal.SIGINT)
        return real(self, *arguments, **options)

    monkeypatch.setattr(VideoSegmenter, "step", step)
    command = [movie, "--mask", draw("m.png", 1)]
    stopped = segment(*command)
    assert stopped.exit_code == 130
    assert "the same command goes on" in stopped.stderr
    assert {f"masks/{i:05d}.png" for i in range(5)} < files_in(tmp_path / "out" / "cat")
    assert segment(*command).exit_code == 0
    assert len(calls) == 10


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the frames that go through the network."""
    count: list[int] = []
    real = VideoSegmenter.step

    def step(self: VideoSegmenter, *arguments: Any, **options: Any) -> Any:
        count.append(1)
        return real(self, *arguments, **options)

    monkeypatch.setattr(VideoSegmenter, "step", step)
    return count


def test_what_is_complete_is_skipped(
    segment: Kmn, movie: Path, draw: Draw, steps: list[int]
) -> None:
    mask = draw("m.png", 1)
    assert segment(movie, "--mask", mask).exit_code == 0
    assert segment(movie, "--mask", mask, "--format", "overlay").exit_code == 0
    assert len(steps) == 10


def test_what_is_incomplete_is_redone(
    segment: Kmn, movie: Path, draw: Draw, steps: list[int], tmp_path: Path
) -> None:
    mask, out = draw("m.png", 1), tmp_path / "out" / "cat"
    segment(movie, "--mask", mask)
    (out / "masks" / "00004.png").unlink()
    segment(movie, "--mask", mask)
    assert len(steps) == 20
    (out / "result.json").unlink()
    segment(movie, "--mask", mask)
    assert len(steps) == 30
    assert len(masks_in(out / "masks")) == 10


def test_a_gap_in_results_is_filled(
    segment: Kmn,
    movie: Path,
    draw: Draw,
    steps: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where there are states of later frames."""
    monkeypatch.setattr("kmn_cli.inference.saved_state.MAX_SHARE", 1e9)
    command = [movie, "--mask", draw("m.png", 1), "--save-every", "0.000001"]
    segment(*command)
    before = masks_in(tmp_path / "out/cat/masks")
    (tmp_path / "out/cat/masks/00006.png").unlink()
    segment(*command)
    assert len(steps) == 14
    after = masks_in(tmp_path / "out/cat/masks")
    assert all((after[name] == before[name]).all() for name in before)


def test_what_an_interrupted_run_left_is_not_taken_for_this_one_s(
    segment: Kmn, movie: Path, draw: Draw, tmp_path: Path
) -> None:
    """Frames beyond the end, and formats that are not asked for."""
    mask, out = draw("m.png", 1), tmp_path / "out" / "cat"
    segment(movie, "--mask", mask, "--format", "masks,soft")
    (out / "result.json").unlink()
    assert segment(movie, "--mask", mask, "--end", "3f", "--format", "masks").exit_code == 0
    assert files_in(out) == {*(f"masks/{i:05d}.png" for i in range(3)), "result.json"}


def test_another_rate_of_pictures_is_another_run(
    segment: Kmn, movie: Path, draw: Draw, tmp_path: Path
) -> None:
    (tmp_path / "frames").mkdir()
    with open_video(movie) as reader:
        for frame in islice(reader, 3):
            Image.fromarray(frame.image).save(tmp_path / "frames" / f"{frame.index}.png")
    command = [tmp_path / "frames", "--mask", draw("m.png", 1)]
    assert segment(*command, "--fps", "12").exit_code == 0
    result = segment(*command)
    assert result.exit_code == 2 and "fps was 12.0, now None" in result.stderr


@pytest.mark.parametrize("option", ["--size", "--start", "--view"])
def test_results_of_other_settings_are_not_taken_for_these(
    segment: Kmn,
    movie: Path,
    draw: Draw,
    tmp_path: Path,
    steps: list[int],
    option: str,
) -> None:
    mask = draw("m.png", 1)
    segment(movie, "--mask", mask)
    before = (tmp_path / "out" / "cat" / "result.json").read_bytes()
    values = {"--size": 32, "--start": "1f", "--view": "0,0,40,40"}
    other = ["--mask", mask, option, values[option]]
    result = segment(movie, *other)
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr
    assert (tmp_path / "out" / "cat" / "result.json").read_bytes() == before
    assert len(steps) == 10


def test_results_of_before_there_were_views_are_of_the_full_frame(
    segment: Kmn, movie: Path, draw: Draw, tmp_path: Path, steps: list[int]
) -> None:
    mask, document = draw("m.png", 1), tmp_path / "out" / "cat" / "result.json"
    segment(movie, "--mask", mask)
    settings = result_of(document.parent)["settings"]
    assert settings.pop("view") == "full"
    document.write_text(json.dumps({**result_of(document.parent), "settings": settings}))
    assert segment(movie, "--mask", mask).exit_code == 0
    assert len(steps) == 10


@pytest.fixture
def raw_frames(tmp_path: Path) -> Path:
    """Pictures whose files are of one size whatever they show."""
    (tmp_path / "raw").mkdir()
    return paint(tmp_path / "raw", 1)


def paint(folder: Path, seed: int) -> Path:
    """Write five frames of noise."""
    noise = np.random.default_rng(seed)
    for i in range(5):
        frame = noise.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(frame).save(folder / f"{i:05d}.bmp")
    return folder


def test_results_of_other_pictures_of_the_same_size_are_not_taken_for_these(
    segment: Kmn, raw_frames: Path, draw: Draw, steps: list[int]
) -> None:
    mask = draw("m.png", 1)
    assert segment(raw_frames, "--mask", mask).exit_code == 0
    paint(raw_frames, 2)
    result = segment(raw_frames, "--mask", mask)
    assert result.exit_code == 2
    assert "other contents of the input" in result.stderr and "--overwrite" in result.stderr
    assert len(steps) == 5


def test_a_copy_of_the_input_is_the_same_input(
    segment: Kmn, raw_frames: Path, draw: Draw, steps: list[int]
) -> None:
    """It is said, for a copy and a small change in a large file look alike."""
    mask = draw("m.png", 1)
    first = segment(raw_frames, "--mask", mask)
    again = segment(raw_frames, "--mask", mask)
    assert "written to since" not in first.stderr + again.stderr
    for path in raw_frames.iterdir():
        os.utime(path, (time.time() + 60,) * 2)
    copied = segment(raw_frames, "--mask", mask)
    assert copied.exit_code == 0
    assert "raw: written to since its results were made" in copied.stderr
    assert len(steps) == 5


def test_results_of_before_contents_were_noted_still_count(
    segment: Kmn, raw_frames: Path, draw: Draw, tmp_path: Path, steps: list[int]
) -> None:
    mask, document = draw("m.png", 1), tmp_path / "out" / "raw" / "result.json"
    segment(raw_frames, "--mask", mask)
    before = result_of(document.parent)
    del before["input_contents"]
    document.write_text(json.dumps(before))
    assert segment(raw_frames, "--mask", mask).exit_code == 0
    assert len(steps) == 5


def test_overwrite_redoes_and_leaves_nothing_old(
    segment: Kmn, movie: Path, draw: Draw, tmp_path: Path
) -> None:
    mask, out = draw("m.png", 1), tmp_path / "out" / "cat"
    segment(movie, "--mask", mask)
    (out / "notes.txt").write_text("mine")
    again = ["--end", "3f", "--format", "masks", "--overwrite"]
    assert segment(movie, "--mask", mask, *again).exit_code == 0
    masks = {f"masks/{i:05d}.png" for i in range(3)}
    assert files_in(out) == masks | {"result.json", "notes.txt"}


def test_a_format_can_be_added(segment: Kmn, movie: Path, draw: Draw, tmp_path: Path) -> None:
    mask, out = draw("m.png", 1), tmp_path / "out" / "cat"
    segment(movie, "--mask", mask, "--format", "masks")
    segment(movie, "--mask", mask, "--format", "cutout")
    assert set(result_of(out)["outputs"]) == {"masks", "cutout"}
    assert len(masks_in(out / "masks")) == len(masks_in(out / "cutout")) == 10
