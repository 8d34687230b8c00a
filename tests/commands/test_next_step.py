"""What a run says when it fails, and what to type next."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from kmn_cli.batch.mask_arguments import MaskArgument
from kmn_cli.batch.next_step import how_to_mend
from kmn_cli.inference.segmenter import Prediction, VideoSegmenter

Kmn = Callable[..., Result]


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


def test_nothing_is_to_be_mended_where_nothing_failed(tmp_path: Path) -> None:
    entry = {"id": 1, "lost_at": [], "area_jumps": [], "position_jumps": [], "doubtful_at": []}
    document = {"objects": [entry], "outputs": {"overlay": "overlay.mp4"}}
    masks = [MaskArgument(Path("m.png")), MaskArgument(Path("n.png"), "9")]
    assert how_to_mend(Path("a b.mp4"), tmp_path, masks, document) is None
    entry["lost_at"] = [7]
    text = how_to_mend(Path("a b.mp4"), tmp_path, masks, document) or ""
    assert "--mask m.png --mask 9=n.png --mask '7=a b-7.png'" in text
    assert f"frame 7 of {tmp_path / 'overlay.mp4'}" in text


def test_a_box_goes_with_a_dry_run(
    kmn: Kmn, movie: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    options = ("--weights", tiny_weights, "--device", "cpu", "-o", tmp_path / "out", "--json")
    run = kmn("segment", movie, "--box", "8,8,30,30", "--dry-run", *options)
    assert run.exit_code == 0, run.output
    (row,) = json.loads(run.stdout)["videos"]
    assert row["plan"] == "segment" and row["objects"] == 1
    assert not (tmp_path / "out").exists()
