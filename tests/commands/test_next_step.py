"""What a run says when it fails, and what to type next."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from kmn_cli.batch.job import make_job
from kmn_cli.batch.mask_plan import MaskPlan
from kmn_cli.batch.next_step import how_to_mend
from kmn_cli.inference.segmenter import Prediction, VideoSegmenter
from kmn_cli.media.video import open_video

Kmn = Callable[..., Result]
Draw = Callable[..., Path]
Lines = Callable[[str], list[list[str]]]


def test_without_a_mask_it_says_how_to_mark(kmn: Kmn, movie: Path) -> None:
    run = kmn("segment", movie)
    assert run.exit_code == 2
    assert f"kmn segment {movie} --box" in run.stderr and "--web" in run.stderr


def test_a_lost_object_is_said_everywhere(
    kmn: Kmn,
    movie: Path,
    draw: Callable[..., Path],
    tmp_path: Path,
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = VideoSegmenter.step

    def step(self: VideoSegmenter, frame: np.ndarray, mask: np.ndarray | None = None, **how: bool):
        answer = real(self, frame, mask, **how)
        lost = mask is None and self._frame > 4
        kept = mask if mask is not None else draw_labels(answer.labels.shape)
        return Prediction(np.zeros_like(answer.labels) if lost else kept, answer.prob, answer.soft)

    def draw_labels(shape: tuple[int, ...]) -> np.ndarray:
        labels = np.zeros(shape, np.uint8)
        labels[8:24, 2:20] = 1
        return labels

    monkeypatch.setattr(VideoSegmenter, "step", step)
    options = ("--weights", tiny_weights, "--device", "cpu", "-o", tmp_path / "out", "--json")
    run = kmn("segment", movie, "--mask", draw("m.png", 1), *options)
    assert run.exit_code == 0, run.output
    document = json.loads(run.stdout)
    (entry,) = document["objects"]
    assert entry["lost_at"] == [4] and 0 <= entry["self_check"] <= 1
    assert any("object 1" in text and "lost at frame 4" in text for text in document["warnings"])
    assert "kmn init-mask" in run.stderr and "--frame 4" in run.stderr
    assert "--mask 4=cat-4.png" in run.stderr
    assert re.search(r"│ frame 4 +│", run.stderr)  # in the table


def test_nothing_is_to_be_mended_where_nothing_failed(movie: Path, draw: Draw) -> None:
    first, later = draw("m.png", 1), draw("n.png", 1)
    job = make_job(movie, [first, f"9={later}"], "a b")
    with open_video(movie) as reader:
        masks = MaskPlan(job.masks, reader.info)
    entry = {"id": 1, "lost_at": [], "area_jumps": [], "position_jumps": [], "doubtful_at": []}
    document = {"objects": [entry], "outputs": {"overlay": "overlay.mp4"}}
    assert how_to_mend(job, masks, document) is None
    entry["lost_at"] = [7]
    text = how_to_mend(job, masks, document) or ""
    assert f"--mask 0={first} --mask 9={later} --mask 7=cat-7.png" in text
    assert "frame 7 of a b/overlay.mp4" in text and "kmn edit 'a b'" in text
    entry["lost_at"] = [9]
    text = how_to_mend(job, masks, document) or ""
    assert text.endswith(f"--mask 0={first} --mask 9=cat-9.png")  # in place of the one it has


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], list[list[str]]]:
    """Whatever is segmented in this folder failed at frame 4; gives the lines in what it said."""
    monkeypatch.setattr("kmn_cli.batch.next_step.first_failure", lambda objects: 4)
    monkeypatch.chdir(tmp_path)

    def of(text: str) -> list[list[str]]:
        return [shlex.split(line) for line in text.splitlines() if line.startswith("  ")]

    return of


def _draw_what_is_said(kmn: Kmn, line: list[str]) -> None:
    assert line[:2] == ["kmn", "init-mask"]
    run = kmn(*line[1 : line.index("--web")], "--box", "4,8,20,20", *line[line.index("-o") :])
    assert run.exit_code == 0, run.output


def _given(folder: Path) -> tuple[list[int], list[int]]:
    document = json.loads((folder / "result.json").read_text())
    contents = [int(text.partition(":")[0]) for text in document["mask_contents"]]
    return contents, document["object_ids"]


@pytest.mark.parametrize("masks", [("first.png",), ("first.png", "4=later.png"), ("some",)])
def test_the_lines_for_one_video_mend_it(
    kmn: Kmn, movie: Path, draw: Draw, tiny_weights: Path, lines: Lines, masks: tuple[str, ...]
) -> None:
    for name in ("first.png", "later.png", "some/00000.png", "some/00004.png", "some/00006.png"):
        draw(name, 1)
    command = ("segment", movie, "--weights", tiny_weights, "--device", "cpu", "-o", "out")
    typed = [word for mask in masks for word in ("--mask", mask)]
    run = kmn(*command, *typed)
    assert run.exit_code == 0, run.output
    _edit, draw_it, *again = lines(run.stderr)
    _draw_what_is_said(kmn, draw_it)
    run = kmn(*command, *(again[0] if again else typed))
    assert run.exit_code == 0, run.output
    wanted = [0, 4, 6] if masks == ("some",) else [0, 4]
    assert _given(Path("out/cat")) == (wanted, [1])


@pytest.mark.parametrize("more", ["", "b/cat/00002.png", "b/cat/00004.png"])
def test_the_lines_for_a_video_of_a_batch_mend_it_and_leave_the_others(
    kmn: Kmn, movie: Path, draw: Draw, tiny_weights: Path, lines: Lines, more: str
) -> None:
    for name in ("a/cat", "b/cat"):
        Path("shelf", name).parent.mkdir(parents=True)
        shutil.copy(movie, f"shelf/{name}.mp4")
        draw(f"masks/{name}.png", 1)
    if more:
        draw(f"masks/{more}", 1)
    command = ("segment", "shelf", "--mask", "masks", "--weights", tiny_weights, "-o", "out")
    run = kmn(*command, "--device", "cpu", "--workers", 1)
    assert run.exit_code == 0, run.output
    _draw_what_is_said(kmn, next(e for e in lines(run.stderr) if e[2] == "shelf/b/cat.mp4"))
    run = kmn(*command, "--device", "cpu", "--workers", 1, "--json")
    assert run.exit_code == 0, run.output
    assert [entry["skipped"] for entry in json.loads(run.stdout)["results"]] == [True, False]
    wanted = [0, 2, 4] if more == "b/cat/00002.png" else [0, 4]
    assert _given(Path("out/a/cat")) == ([0], [1])
    assert _given(Path("out/b/cat")) == (wanted, [1])


def test_masks_beside_the_videos_are_mended_on_the_page(
    kmn: Kmn, movie: Path, draw: Draw, tiny_weights: Path, lines: Lines
) -> None:
    Path("shelf").mkdir()
    for name in ("cat", "dog"):
        shutil.copy(movie, f"shelf/{name}.mp4")
        draw(f"shelf/{name}.png", 1)
    options = ("--weights", tiny_weights, "--device", "cpu", "--workers", 1, "-o", "out")
    run = kmn("segment", "shelf", "--mask", "shelf", *options)
    assert run.exit_code == 0, run.output
    assert [line[:2] for line in lines(run.stderr)] == [["kmn", "edit"]] * 2


def test_a_box_goes_with_a_dry_run(
    kmn: Kmn, movie: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    options = ("--weights", tiny_weights, "--device", "cpu", "-o", tmp_path / "out", "--json")
    run = kmn("segment", movie, "--box", "8,8,30,30", "--dry-run", *options)
    assert run.exit_code == 0, run.output
    (row,) = json.loads(run.stdout)["videos"]
    assert row["plan"] == "segment" and row["objects"] == 1
    assert not (tmp_path / "out").exists()
