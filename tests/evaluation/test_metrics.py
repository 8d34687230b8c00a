from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vos_benchmark.evaluator import Evaluator

from kmn_cli.evaluation.metrics import (
    boundary_f,
    boundary_map,
    boundary_radius,
    frame_scores,
    region_similarity,
    statistics,
)

Mask = np.ndarray


def literal_boundary(mask: Mask) -> set[tuple[int, int]]:
    """The boundary rule, pixel by pixel."""
    height, width = mask.shape
    found = set()
    for y in range(height):
        for x in range(width):
            here = mask[y, x]
            last_row, last_column = y == height - 1, x == width - 1
            if last_row and last_column:
                continue
            if last_row:
                differs = here != mask[y, x + 1]
            elif last_column:
                differs = here != mask[y + 1, x]
            else:
                others = (mask[y, x + 1], mask[y + 1, x], mask[y + 1, x + 1])
                differs = any(here != other for other in others)
            if differs:
                found.add((y, x))
    return found


def literal_f(pred: Mask, truth: Mask) -> tuple[float, float, float]:
    """F, precision and recall by comparing every boundary pixel with every other."""
    radius = math.ceil(0.008 * math.hypot(*pred.shape))
    p, t = literal_boundary(pred), literal_boundary(truth)

    def share(some: set[tuple[int, int]], others: set[tuple[int, int]]) -> float:
        near = [any((y - v) ** 2 + (x - u) ** 2 <= radius**2 for v, u in others) for y, x in some]
        return sum(near) / len(some)

    if not p or not t:
        precision, recall = float(not p), float(not t)
    else:
        precision, recall = share(p, t), share(t, p)
    both = precision + recall
    return (2 * precision * recall / both if both else 0.0), precision, recall


def blob(seed: int, height: int, width: int) -> Mask:
    """An irregular mask that may touch any edge, fill the image, or be empty."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), bool)
    for _ in range(rng.integers(0, 4)):
        y, x = rng.integers(-5, height), rng.integers(-5, width)
        h, w = rng.integers(1, height), rng.integers(1, width)
        mask[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)] ^= True
    return mask


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 24), st.integers(2, 24), st.booleans())
def test_boundary_matches_the_literal_rule(seed: int, height: int, width: int, near: bool) -> None:
    truth = blob(seed, height, width)
    pred = np.roll(truth, 1, axis=seed % 2) if near else blob(seed + 1, height, width)
    on = set(zip(*(axis.tolist() for axis in np.nonzero(boundary_map(pred))), strict=True))
    assert on == literal_boundary(pred)
    assert boundary_f(pred, truth) == pytest.approx(literal_f(pred, truth), abs=1e-12)


@pytest.mark.parametrize("offset", [0, 1, 2, 3, 4])
def test_the_tolerance_is_a_disk_of_the_radius(offset: int) -> None:
    # 250 x 250 has a radius of 3: moved by 3 all matches, by 4 the far sides do not.
    truth = np.zeros((250, 250), bool)
    truth[100:150, 100:150] = True
    pred = np.roll(truth, offset, axis=1)
    assert boundary_radius(250, 250) == 3
    assert (boundary_f(pred, truth)[0] == 1) == (offset <= 3)


def test_radius_at_480p_and_at_a_whole_number() -> None:
    assert boundary_radius(480, 854) == 8
    assert boundary_radius(600, 800) == 8  # 0.008 * 1000, nothing to round up
    assert boundary_radius(1080, 1920) == 18


@pytest.mark.parametrize(
    ("pred", "truth", "expected"),
    [
        (False, True, (0.0, 1.0, 0.0)),
        (True, False, (0.0, 0.0, 1.0)),
        (False, False, (1.0, 1.0, 1.0)),
        (True, True, (1.0, 1.0, 1.0)),
    ],
)
def test_f_of_empty_masks(pred: bool, truth: bool, expected: tuple[float, ...]) -> None:
    square = np.zeros((40, 40), bool)
    square[10:20, 10:20] = True
    empty = np.zeros_like(square)
    masks = [square if present else empty for present in (pred, truth)]
    assert boundary_f(*masks) == expected


def test_a_full_mask_has_no_boundary() -> None:
    full, empty = np.ones((30, 30), bool), np.zeros((30, 30), bool)
    assert not boundary_map(full).any()
    assert boundary_f(full, empty)[0] == 1.0
    assert region_similarity(full, empty) == 0.0


def test_j_of_empty_and_partial_masks() -> None:
    a = np.zeros((10, 10), bool)
    assert region_similarity(a, a) == 1.0
    b = a.copy()
    b[:4], a[2:6] = True, True
    assert region_similarity(a, b) == pytest.approx(20 / 60)


def test_many_objects_at_once_agree_with_one_at_a_time() -> None:
    rng = np.random.default_rng(3)
    truth = np.kron(rng.integers(0, 4, (8, 8)), np.ones((9, 9))).astype(np.uint8)
    pred = np.roll(truth, 2, axis=1)
    j, f = frame_scores(pred, truth, (1, 2, 3))
    for k, object_id in enumerate((1, 2, 3)):
        p, t = pred == object_id, truth == object_id
        assert j[k] == region_similarity(p, t)
        assert f[k] == boundary_f(p, t)[0]


def _compare_with_vos_benchmark(truth: list[Mask], pred: list[Mask]) -> None:
    oracle = Evaluator()
    ours = []
    for p, t in zip(pred, truth, strict=True):
        oracle.feed_frame(p, t)
        ours.append(frame_scores(p, t, (1,)))
    assert np.abs(np.array(oracle.object_iou[1]) - [j[0] for j, _ in ours]).max() < 1e-6
    assert np.abs(np.array(oracle.boundary_f[1]) - [f[0] for _, f in ours]).max() < 1e-6


def test_agrees_with_vos_benchmark_on_generated_masks() -> None:
    truth = [blob(seed, 480, 854).astype(np.uint8) for seed in range(12)]
    truth[0][5, 5] = 1  # the oracle counts an object from where it first appears
    pred = [np.roll(mask, (seed - 6, 3), (0, 1)) for seed, mask in enumerate(truth)]
    _compare_with_vos_benchmark(truth, pred)


def test_agrees_with_vos_benchmark_on_real_masks(real_masks: list[Mask]) -> None:
    truth = real_masks[1:40:3]
    pred = [np.roll(mask, (k % 5 - 2, k % 7), (0, 1)) for k, mask in enumerate(truth)]
    _compare_with_vos_benchmark(truth, pred)


def test_recall_is_strict() -> None:
    assert statistics(np.array([0.5, 0.5, 0.51, 1.0])).recall == 0.5


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 50, 256])
def test_decay_by_the_official_bins(count: int) -> None:
    values = np.random.default_rng(count).random(count)
    # As the official tool writes it, eight-bit edges included.
    edges = (np.round(np.linspace(1, count, 5) + 1e-10) - 1).astype(np.uint8)
    bins = [values[int(edges[i]) : int(edges[i + 1]) + 1] for i in range(4)]
    assert statistics(values).decay == pytest.approx(bins[0].mean() - bins[3].mean(), abs=1e-12)


def test_decay_is_right_where_eight_bits_are_too_few() -> None:
    values = np.linspace(1, 0, 401)
    found = statistics(values)
    assert found.decay == pytest.approx(values[:101].mean() - values[300:].mean())
    assert found.mean == pytest.approx(0.5)


def test_frames_without_a_score_do_not_count() -> None:
    values = np.array([np.nan, 0.2, 0.8, np.nan])
    assert statistics(values) == statistics(np.array([0.2, 0.8]))
    assert math.isnan(statistics(np.array([np.nan])).mean)
