"""A tiny run that trains in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from drawn_data import write_stills, write_videos

from kmn_cli.data.scan import scan_stills, scan_videos
from kmn_cli.data.scene import Source
from kmn_cli.data.store import build_store
from kmn_cli.model import KMN, KMNConfig
from kmn_cli.training.recipe import Recipe

TINY_SETTINGS: dict[str, Any] = {
    "crop": 64,
    "batch": 4,
    "learning_rate": 3e-3,
    "trunk_rate": 3e-3,
    "freeze": 0,
    "warmup": 0.1,
    "average": 0,
    "paste": 0,
    "region": 0,
    "same_frame": 0,
    "zoom_min": 1.0,
    "multi_object": 0,
    "hide_probability": 0,
    "precision": "fp32",
}


@pytest.fixture
def tiny_model() -> KMN:
    torch.manual_seed(0)
    return KMN(KMNConfig.tiny())


@pytest.fixture
def tiny_recipe():
    """A recipe with some settings changed."""

    def make(stage: str = "pretrain", **changes: object) -> Recipe:
        return Recipe.resolve("fast", stage, None, TINY_SETTINGS | changes)

    return make


@pytest.fixture
def still_source(tmp_path: Path) -> Source:
    root = write_stills(tmp_path / "stills", 4)
    store = build_store(scan_stills(root), tmp_path / "cache", 480)
    return Source(store, 1, Recipe.resolve("fast", "pretrain", None, {}).motion(False))


@pytest.fixture
def video_root(tmp_path: Path) -> Path:
    return write_videos(tmp_path / "videos", 3, 8)


@pytest.fixture
def video_source(video_root: Path, tmp_path: Path) -> Source:
    store = build_store(scan_videos(video_root, ["v0", "v1"]), tmp_path / "cache", 480)
    return Source(store, 1, Recipe.resolve("fast", "main", None, {}).motion(True))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder
