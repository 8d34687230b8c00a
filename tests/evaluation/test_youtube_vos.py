from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mask_clips import moving, save

from kmn_cli.evaluation.benchmark import load_benchmark
from kmn_cli.evaluation.method import Method, score_method
from kmn_cli.evaluation.protocol import Protocol

NAMES = [f"{5 * t + 10:05d}" for t in range(6)]  # steps of 5, not from 0


def make(root: Path, *, truth_frames: int = 6, with_train: bool = True) -> None:
    """Two objects, of which the second appears in the third frame."""
    objects = {
        "1": {"category": "dog", "frames": NAMES},
        "2": {"category": "yak", "frames": NAMES[2:]},
    }
    (root / "valid").mkdir(parents=True)
    (root / "valid" / "meta.json").write_text(json.dumps({"videos": {"abc": {"objects": objects}}}))
    for t, (name, labels) in enumerate(zip(NAMES, moving(6, (1, 2)), strict=True)):
        if t < 2:
            labels[labels == 2] = 0
        if t < truth_frames:
            save(root / "valid" / "Annotations" / "abc" / f"{name}.png", labels)
        picture = root / "valid" / "JPEGImages" / "abc" / f"{name}.jpg"
        save(picture, labels, "L")
    if with_train:
        objects = {"1": {"category": "dog", "frames": ["00000"]}}
        (root / "train").mkdir()
        (root / "train" / "meta.json").write_text(
            json.dumps({"videos": {"x": {"objects": objects}}})
        )


def results(folder: Path, second_from: int = 2) -> Path:
    for t, (name, labels) in enumerate(zip(NAMES, moving(6, (1, 2)), strict=True)):
        if t < second_from:
            labels[labels == 2] = 0
        save(folder / "abc" / f"{name}.png", labels)
    return folder


def evaluated(root: Path, folder: Path) -> Method:
    return score_method(load_benchmark(root, Protocol.YOUTUBE_VOS), "ours", folder, workers=1)


def test_an_object_is_scored_after_the_frame_it_is_given_in(tmp_path: Path) -> None:
    make(tmp_path)
    score = evaluated(tmp_path, results(tmp_path / "r")).scores[0]
    assert score.object_ids == (1, 2)
    assert score.frames == tuple(NAMES[1:])
    assert (~np.isnan(score.j)).tolist() == [[True] * 5, [False, False, True, True, True]]
    assert score.jf_mean == 1


def test_groups_and_g(tmp_path: Path) -> None:
    make(tmp_path)
    groups = evaluated(tmp_path, results(tmp_path / "r", second_from=9)).groups
    assert groups is not None
    figures = (groups.j_seen, groups.f_seen, groups.j_unseen, groups.f_unseen)
    assert figures == (1, 1, 0, 0)
    assert groups.g_mean == pytest.approx(0.5)


def test_without_training_categories_all_count_as_seen(tmp_path: Path) -> None:
    make(tmp_path, with_train=False)
    groups = evaluated(tmp_path, results(tmp_path / "r")).groups
    assert groups is not None
    assert np.isnan(groups.j_unseen)
    assert groups.g_mean == 1


def test_only_first_masks_are_no_ground_truth(tmp_path: Path) -> None:
    make(tmp_path, truth_frames=1)
    assert not load_benchmark(tmp_path, Protocol.YOUTUBE_VOS).has_truth


def test_the_splits_own_folder_is_a_root_too(tmp_path: Path) -> None:
    make(tmp_path)
    score = evaluated(tmp_path / "valid", results(tmp_path / "r")).scores[0]
    assert score.jf_mean == 1
