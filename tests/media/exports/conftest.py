"""Results as `kmn segment` leaves them, of a clip whose square moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from two_objects import two_objects

from kmn_cli.media.exports.clip import Clip, make_clip
from kmn_cli.media.exports.found import find_mask_folders
from kmn_cli.media.masks import write_mask


@pytest.fixture
def result(tmp_path: Path, clip: Path) -> Path:
    """Ten frames of two objects, their result.json naming the clip."""
    folder = tmp_path / "kmn-out" / "clip"
    for index in range(10):
        write_mask(folder / "masks" / f"{index:05d}.png", two_objects(index))
    document = {"input": str(clip), "object_ids": [1, 3], "frames": 10, "outputs": {}}
    (folder / "result.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def load() -> Callable[..., Clip]:
    """Make a clip of the only masks below a path."""

    def make(path: Path, *arguments: object, **options: object) -> Clip:
        (folder,) = find_mask_folders([path])
        return make_clip(folder, *arguments, **options)  # type: ignore[arg-type]

    return make
