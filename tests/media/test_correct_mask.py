"""What clicks, boxes and strokes change of a mask that is there already."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_data import draw_disc, draw_frame

from kmn_cli.media.init_mask import correct_mask
from kmn_cli.media.prompts import Prompts, Stroke

SIZE = (120, 160)
DISC = draw_disc(SIZE, (60, 50), 30)
FRAME = draw_frame(DISC, 0)
BOX = (18.0, 28.0, 65.0, 65.0)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def corrected(mask: np.ndarray, prompts: Prompts) -> np.ndarray:
    labels = mask.astype(np.uint8)
    result = correct_mask(labels, FRAME, {1: prompts})
    np.testing.assert_array_equal(labels, mask)  # left as they are
    return result == 1


def test_a_click_adds_the_half_that_is_missing() -> None:
    half = DISC & (np.arange(SIZE[1]) < 50)
    assert iou(corrected(half, Prompts(inside=((65.0, 60.0),))), DISC) > 0.95


def test_a_click_takes_away_what_is_too_much_and_leaves_the_object() -> None:
    fat = DISC | draw_disc(SIZE, (60, 85), 20)
    assert iou(corrected(fat, Prompts(outside=((95.0, 60.0),))), DISC) > 0.95


def test_only_the_part_that_was_clicked_is_changed() -> None:
    bites = draw_disc(SIZE, (60, 78), 6), draw_disc(SIZE, (60, 22), 6)

    def find(image: np.ndarray, prompts: Prompts) -> np.ndarray:
        return DISC

    labels = (DISC & ~bites[0] & ~bites[1]).astype(np.uint8)
    found = correct_mask(labels, FRAME, {1: Prompts(inside=((76.0, 60.0),))}, find) == 1
    np.testing.assert_array_equal(found, DISC & ~bites[1])


def test_what_is_known_is_said_with_the_clicks() -> None:
    said: list[Prompts] = []

    def find(image: np.ndarray, prompts: Prompts) -> np.ndarray:
        said.append(prompts)
        return DISC

    labels = DISC.astype(np.uint8)
    correct_mask(labels, FRAME, {1: Prompts(outside=((50.0, 60.0),))}, find)
    assert said[0].box == (20, 30, 61, 61) and said[0].outside == ((50, 60),)
    both = Prompts(inside=((50.0, 35.0),), outside=((50.0, 60.0),))
    correct_mask(labels, FRAME, {1: both}, find)
    known = [point for point in said[1].inside if point not in both.inside]
    assert said[1].box is None and set(both.inside) < set(said[1].inside)
    ((x, y),) = known
    assert DISC[int(y), int(x)] and abs(x - 50) + abs(y - 60) > 10  # not where it is outside


@pytest.mark.parametrize(
    "prompts", [Prompts(inside=((50.0, 60.0),)), Prompts(outside=((1.0, 1.0),))]
)
def test_a_click_on_what_is_right_changes_nothing(prompts: Prompts) -> None:
    assert iou(corrected(DISC, prompts), DISC) > 0.99


def test_a_box_makes_an_object_anew_and_a_stroke_paints() -> None:
    wrong = draw_disc(SIZE, (20, 130), 15)
    found = corrected(wrong, Prompts(box=BOX, strokes=(Stroke(((130.0, 90.0),), 5.0),)))
    assert iou(found, DISC | draw_disc(SIZE, (90, 130), 5)) > 0.95


def test_an_object_that_is_not_there_yet_is_found_by_clicks() -> None:
    found = correct_mask(np.zeros(SIZE, np.uint8), FRAME, {2: Prompts(inside=((50.0, 60.0),))})
    assert set(np.unique(found)) == {0, 2} and found[60, 50] == 2
