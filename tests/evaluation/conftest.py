from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mask_clips import save
from PIL import Image

Labels = np.ndarray


@pytest.fixture
def davis(tmp_path: Path) -> Callable[..., Path]:
    """Makes a DAVIS root and a folder of results beside it, and gives the root."""

    def make(
        truth: dict[str, list[Labels]],
        results: dict[str, list[Labels]] | None = None,
        year: int = 2017,
        split: str = "val",
        pictures: bool = True,
    ) -> Path:
        root = tmp_path / "DAVIS"
        for name, clip in truth.items():
            for t, labels in enumerate(clip):
                save(root / "Annotations" / "480p" / name / f"{t:05d}.png", labels)
                if pictures:
                    folder = root / "JPEGImages" / "480p" / name
                    folder.mkdir(parents=True, exist_ok=True)
                    rgb = np.stack([labels * 40, labels * 20 + 60, 255 - labels * 30], axis=2)
                    Image.fromarray(rgb.astype(np.uint8)).save(folder / f"{t:05d}.jpg")
        lists = root / "ImageSets" / str(year)
        lists.mkdir(parents=True, exist_ok=True)
        (lists / f"{split}.txt").write_text("".join(f"{name}\n" for name in truth))
        for name, clip in (results or {}).items():
            for t, labels in enumerate(clip):
                save(tmp_path / "results" / name / f"{t:05d}.png", labels)
        return root

    return make


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The folder of results of `davis`."""
    return tmp_path / "results"


@pytest.fixture(scope="session")
def real_masks(tmp_path_factory: pytest.TempPathFactory) -> list[Labels]:
    """The masks (480, 854) of one real video; skips where the data are not at hand."""
    shards = sorted((Path(__file__).parents[3] / "shared" / "data").glob("davis2016-train-*.tar"))
    for shard in shards:
        with tarfile.open(shard) as tar:
            names = sorted(
                name for name in tar.getnames() if "/bmx-bumps/" in name and name.endswith(".png")
            )
            if len(names) > 40:
                folder = tmp_path_factory.mktemp("real")
                tar.extractall(folder, [tar.getmember(n) for n in names], filter="data")
                masks = [np.asarray(Image.open(folder / name)) for name in names]
                return [(mask > 0).astype(np.uint8) for mask in masks]
    pytest.skip("no ../shared/data with DAVIS 2016 train")
