"""A run may be stopped at any moment; the same command finishes it as if nothing had happened."""

from __future__ import annotations

import math
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from forks import Forks
from results import result_of
from typer.testing import Result

from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.mask_folders import UNFINISHED
from kmn_cli.media.video import open_video

Kmn = Callable[..., Result]
Draw = Callable[..., Path]


@pytest.fixture
def options(tiny_weights: Path, draw: Draw) -> list[str]:
    late = draw("late.png", 0, 0, 9)
    masks = ["--mask", f"0={draw('m.png', 1, 5)}", "--mask", f"4={late}"]
    rest = ["--weights", tiny_weights, "--device", "cpu", "--save-every", "0.000001"]
    return [str(word) for word in [*masks, *rest, "--memory-every", 2, "--max-memory-frames", 3]]


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], list[int]]:
    """Makes the n-th step of the network fail; returns a list that counts the steps."""
    real = VideoSegmenter.step

    def arrange(number: int | None) -> list[int]:
        count: list[int] = []

        def step(self: VideoSegmenter, *arguments: Any, **rest: Any) -> Any:
            count.append(1)
            if len(count) == number:
                raise KeyboardInterrupt
            return real(self, *arguments, **rest)

        monkeypatch.setattr(VideoSegmenter, "step", step)
        monkeypatch.setattr("kmn_cli.inference.saved_state.MAX_SHARE", 1e9)  # after every frame
        return count

    return arrange


def pictures(folder: Path) -> dict[str, bytes]:
    """Every file but those that hold times, the overlay as its frames."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in {"result.json", "overlay.mp4"}
        and not path.name.startswith(".state-")
    }
    if (folder / "overlay.mp4").exists():
        with open_video(folder / "overlay.mp4") as reader:
            found |= {f"overlay {frame.index}": frame.image.tobytes() for frame in reader}
    return found


@pytest.mark.parametrize("stop", [2, 5, 10])
def test_finished_frames_are_kept(
    kmn: Kmn,
    movie: Path,
    options: list[str],
    stop_at: Callable[[int | None], list[int]],
    tmp_path: Path,
    stop: int,
) -> None:
    command = ["segment", movie, *options, "--format", "masks,overlay,soft,cutout"]
    assert kmn(*command, "-o", tmp_path / "whole").exit_code == 0
    stop_at(stop)
    assert kmn(*command, "-o", tmp_path / "out").exit_code == 130
    steps = stop_at(None)
    again = kmn(*command, "-o", tmp_path / "out")
    assert again.exit_code == 0, again.output
    assert len(steps) == 11 - stop
    assert f"{stop - 1} frames of an interrupted run are kept" in again.stderr
    whole, out = tmp_path / "whole/cat", tmp_path / "out/cat"
    assert pictures(out) == pictures(whole)
    first, second = result_of(whole), result_of(out)
    assert first["continued"] is None
    assert second["continued"]["frames_kept"] == stop - 1
    for name in ("frames", "objects", "object_ids", "dropped_memory_frames", "settings"):
        assert first[name] == second[name]


@pytest.mark.parametrize(
    ("formats", "reason"),
    [("masks,alpha", "alpha.mov"), ("soft,overlay", "overlay.mp4"), ("masks", "no usable state")],
)
def test_what_cannot_be_continued_is_redone_and_said(
    kmn: Kmn,
    movie: Path,
    options: list[str],
    stop_at: Callable[[int | None], list[int]],
    tmp_path: Path,
    formats: str,
    reason: str,
) -> None:
    command = ["segment", movie, *options, "--format", formats, "-o", tmp_path / "out"]
    stop_at(6)
    assert kmn(*command).exit_code == 130
    for path in (tmp_path / "out/cat").glob(".state-*"):
        path.unlink()
    steps = stop_at(None)
    again = kmn(*command)
    assert again.exit_code == 0, again.output
    assert len(steps) == 10
    continued = result_of(tmp_path / "out/cat")["continued"]
    assert continued["frames_kept"] == 0
    assert reason in continued["note"]


def test_what_the_encoder_of_a_killed_run_leaves_is_removed(
    kmn: Kmn,
    movie: Path,
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Before the first frame, and what comes only later, too."""
    out = tmp_path / "out/cat"
    out.mkdir(parents=True)
    (out / ".early.part").touch()
    real = VideoSegmenter.step

    def step(self: VideoSegmenter, *arguments: Any, **rest: Any) -> Any:
        assert not (out / ".early.part").exists()
        (out / ".late.part").touch()
        return real(self, *arguments, **rest)

    monkeypatch.setattr(VideoSegmenter, "step", step)
    assert kmn("segment", movie, *options, "-o", tmp_path / "out").exit_code == 0
    assert {path.name[:7] for path in out.rglob(".*")} <= {".state-"}


def test_other_settings_begin_anew(
    kmn: Kmn,
    movie: Path,
    options: list[str],
    stop_at: Callable[[int | None], list[int]],
    tmp_path: Path,
) -> None:
    """… and the state of the first run never meets the frames of the second."""
    command = ["segment", movie, *options, "--format", "masks", "-o", tmp_path / "out"]
    assert kmn(*command[:-1], tmp_path / "whole").exit_code == 0
    stop_at(8)
    assert kmn(*command).exit_code == 130
    stop_at(3)
    assert kmn(*command, "--size", 32).exit_code == 130
    steps = stop_at(None)
    assert kmn(*command).exit_code == 0
    assert len(steps) == 10
    assert pictures(tmp_path / "out/cat") == pictures(tmp_path / "whole/cat")


def written_since(moment: float, folder: Path) -> float:
    """Number of masks; without end once the video is done."""
    if (folder / "result.json").exists():
        return math.inf
    masks = list(folder.glob("masks/*.png"))
    return sum(path.stat().st_mtime >= moment for path in masks)


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments(
    forks: Forks,
    tmp_path: Path,
    tiny_weights: Path,
    draw: Draw,
    ffmpeg: Callable[..., None],
    kills: int,
) -> None:
    video = tmp_path / "long.mp4"
    picture = "testsrc=size=64x48:rate=25:duration=1.6"
    ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", video)
    command = ["segment", video, "--mask", draw("m.png", 1, 2), "--weights", tiny_weights]
    command += ["--device", "cpu", "--format", "masks,overlay,soft", "--save-every", "0.000001"]

    assert forks.run([*command, "-o", tmp_path / "whole"]) == 0
    expected = pictures(tmp_path / "whole/long")
    assert len(expected) == 40 * 4

    out, chance = tmp_path / "out", random.Random(kills)
    finished = re.compile(r"masks/\d+\.png|soft/[12]/\d+\.png|overlay \d+")
    kept = 0
    for number in range(kills):
        began, frames = time.time(), chance.randrange(42)
        pid = forks.start([*command, "-o", out])
        while frames > written_since(began, out / "long") and time.time() < began + 60:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.1))
        os.kill(pid, signal.SIGKILL)
        forks.wait(pid)
        found = pictures(out / "long")
        for name, data in found.items():
            if finished.fullmatch(name):  # no half-written file has a final name
                assert data == expected[name], (number, name)
            else:
                assert Path(name).name.startswith("."), (number, name)
        if (out / "long/result.json").exists():
            kept += (result_of(out / "long")["continued"] or {}).get("frames_kept", 0)
            shutil.rmtree(out)
    assert forks.run([*command, "-o", out]) == 0
    found = pictures(out / "long")
    assert set(found) == set(expected)
    assert [name for name in expected if found[name] != expected[name]] == []
    document = result_of(out / "long")
    assert document["frames"] == 40
    kept += (document["continued"] or {}).get("frames_kept", 0)
    assert kept or kills < 20


@pytest.mark.parametrize("every", [31, pytest.param(3, marks=pytest.mark.slow)])
def test_killed_before_every_step_on_the_disk(
    forks: Forks, movie: Path, tmp_path: Path, tiny_weights: Path, draw: Draw, every: int
) -> None:
    command = ["segment", movie, "--mask", draw("m.png", 1, 2), "--weights", tiny_weights]
    command += ["--device", "cpu", "--format", "masks,overlay,soft", "--save-every", "0.000001"]
    command += ["--end", "4f"]
    assert forks.run([*command, "-o", tmp_path / "whole"]) == 0
    expected = pictures(tmp_path / "whole/cat")
    out = tmp_path / "out"
    for step in count(0, every):
        code = forks.wait(forks.start([*command, "-o", out], kill_at=(step, out)))
        finished = (out / "cat/result.json").exists()
        assert forks.run([*command, "-o", out]) == 0
        found = pictures(out / "cat")
        if finished:  # nobody looks again
            for mark in (".claim", UNFINISHED):
                found.pop(mark, None)
        assert set(found) == set(expected), step
        assert [name for name in expected if found[name] != expected[name]] == [], step
        shutil.rmtree(out)
        if code == 0:
            break
    assert step > 50
