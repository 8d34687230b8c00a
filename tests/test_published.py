"""Data sets as they are published, through train, evaluate and export-masks."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from published import DATA_SETS, YOUTUBE_PALETTE, Published, write_masks
from typer.testing import Result

from kmn_cli.media.palette import voc_palette

Kmn = Callable[..., Result]
SMALL = ("--set", "crop=64", "--set", "batch=1", "--set", "precision=fp32")


@pytest.fixture(params=sorted(DATA_SETS))
def data_set(request: pytest.FixtureRequest, tmp_path: Path) -> Published:
    return DATA_SETS[request.param](tmp_path / "data")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where frames are decoded to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kmn" / "frames"


@pytest.fixture
def perfect(data_set: Published, tmp_path: Path) -> Path:
    """Results that are the truth."""
    for name, masks in data_set.scored.items():
        write_masks(tmp_path / "perfect" / name, masks, voc_palette().tobytes())
    return tmp_path / "perfect"


def evaluate(kmn: Kmn, data_set: Published, *options: object) -> Result:
    done = kmn(
        "evaluate", data_set.root, "--protocol", data_set.protocol, "--split", data_set.split,
        "--device", "cpu", "--workers", 1, *options,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return done


def wanted(data_set: Published) -> list[str]:
    """What the submission zip must hold."""
    return sorted(
        f"{data_set.zip_top}{name}/{frame}.png"
        for name, masks in data_set.scored.items()
        for frame in masks
    )


def test_training_takes_the_train_split(
    kmn: Kmn, data_set: Published, tiny_weights: Path, tmp_path: Path, cache: Path
) -> None:
    done = kmn(
        "train", "--stage", "main", "--data", data_set.root, "-o", tmp_path / "run",
        "--init", tiny_weights, "--iterations", 1, "--device", "cpu", *SMALL,
    )  # fmt: skip
    if not data_set.trained:
        assert done.exit_code == 3
        assert "no such split" in done.stderr and "test-dev" in done.stderr
        return
    assert done.exit_code == 0, done.output
    assert f"{len(data_set.trained)} videos" in done.stderr
    assert "DAVIS val" not in done.stderr
    (index,) = cache.glob("*.jsonl")
    assert len(index.read_text().splitlines()) == len(data_set.trained)


def test_segmented_and_scored_or_packed(
    kmn: Kmn, data_set: Published, tiny_weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    evaluate(kmn, data_set, "--weights", tiny_weights, "--size", 32, "-o", out)
    masks = [f"{data_set.zip_top}{p.relative_to(out).as_posix()}" for p in out.rglob("*/*.png")]
    assert sorted(masks) == wanted(data_set)
    assert (out / "report.html").exists() is not data_set.is_hidden
    if data_set.is_hidden:
        with zipfile.ZipFile(out / f"{data_set.split}.zip") as archive:
            assert sorted(archive.namelist()) == wanted(data_set)
    for name, truth in data_set.scored.items():
        shown = {0}
        for frame, labels in truth.items():  # no object is known before it is given
            shown |= set(np.unique(labels).tolist())
            with Image.open(out / name / f"{frame}.png") as mask:
                assert set(np.unique(np.asarray(mask)).tolist()) <= shown
                assert mask.size == labels.shape[::-1]
                if data_set.protocol == "youtube-vos":
                    assert bytes(mask.getpalette()[:12]) == YOUTUBE_PALETTE[:12]


def test_perfect_results_are_perfect(
    kmn: Kmn, data_set: Published, perfect: Path, tmp_path: Path
) -> None:
    done = evaluate(
        kmn, data_set, "--results", perfect, "-o", tmp_path / "out", "--zip", tmp_path / "z.zip",
        "--json",
    )  # fmt: skip
    document = json.loads(done.stdout)
    if data_set.is_hidden:
        assert "global" not in document and "no ground truth" in done.stderr
    else:
        assert document["global"]["J&F-Mean"] == 1
        assert sorted(document["sequences"]) == sorted(data_set.scored)
    with zipfile.ZipFile(tmp_path / "z.zip") as archive:
        assert sorted(archive.namelist()) == wanted(data_set)


def test_exports(kmn: Kmn, data_set: Published, perfect: Path, tmp_path: Path) -> None:
    """Results are packed as the server takes them, and a data set's own masks export, too."""
    if data_set.protocol in ("davis2017", "youtube-vos"):  # the others have no server
        to = "youtube-vos-zip" if data_set.zip_top else "davis-zip"
        done = kmn(
            "export-masks", perfect, "--to", to, "--dataset", data_set.root, "--split",
            data_set.split, "-o", tmp_path / "checked.zip",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        with zipfile.ZipFile(tmp_path / "checked.zip") as archive:
            assert sorted(archive.namelist()) == wanted(data_set)
    home = data_set.root / "valid" if (data_set.root / "valid").is_dir() else data_set.root
    done = kmn("export-masks", home, "--to", "coco", "-o", tmp_path / "coco.json")
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "coco.json").read_text())
    published = list((home / "Annotations").rglob("*.png"))
    assert len(document["images"]) == len(published)
