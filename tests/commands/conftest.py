"""A small data set in the layout of DAVIS, and results of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def _clip(frames: int, shift: int = 0) -> list[np.ndarray]:
    clip = []
    for t in range(frames):
        labels = np.zeros((48, 64), np.uint8)
        labels[10:30, 5 + t + shift : 25 + t + shift] = 1
        clip.append(labels)
    return clip


def _save(folder: Path, clip: list[np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for t, labels in enumerate(clip):
        image = Image.fromarray(labels, "P")
        image.putpalette([0, 0, 0, 128, 0, 0])
        image.save(folder / f"{t:05d}.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A DAVIS root with two sequences."""
    root = tmp_path / "DAVIS"
    for name in ("cow", "hen"):
        _save(root / "Annotations" / "480p" / name, _clip(5))
        folder = root / "JPEGImages" / "480p" / name
        folder.mkdir(parents=True)
        for t, labels in enumerate(_clip(5)):
            Image.fromarray(labels * 150 + 50).convert("RGB").save(folder / f"{t:05d}.jpg")
    for year in ("2016", "2017"):
        (root / "ImageSets" / year).mkdir(parents=True)
        (root / "ImageSets" / year / "val.txt").write_text("hen\ncow\n")
    return root


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Perfect results of one sequence, moved ones of the other."""
    _save(tmp_path / "results" / "hen", _clip(5))
    _save(tmp_path / "results" / "cow", _clip(5, shift=6))
    return tmp_path / "results"
