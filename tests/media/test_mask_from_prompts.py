from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import pytest
from drawn_data import draw_disc, draw_frame

from kmn_cli.media.init_mask import check_all_there, draw_preview, mask_from_prompts
from kmn_cli.media.prompts import Prompts, Stroke

SIZE = (120, 160)
DISC = draw_disc(SIZE, (60, 50), 30)
FRAME = draw_frame(DISC, 0)
BOX = (18.0, 28.0, 65.0, 65.0)
Refuses = Callable[..., AbstractContextManager[None]]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_a_box_finds_the_object() -> None:
    labels = mask_from_prompts(FRAME, {1: Prompts(box=BOX)})
    assert labels.dtype == np.uint8 and set(np.unique(labels)) == {0, 1}
    assert iou(labels == 1, DISC) > 0.95


def test_the_same_box_gives_the_same_mask() -> None:
    first, second = (mask_from_prompts(FRAME, {1: Prompts(box=BOX)}) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_points_alone_find_the_object() -> None:
    prompts = Prompts(inside=((50, 60), (60, 70)), outside=((120, 60),))
    assert iou(mask_from_prompts(FRAME, {1: prompts}) == 1, DISC) > 0.9


def test_points_mend_a_box() -> None:
    twin = draw_disc(SIZE, (60, 120), 20)
    frame = draw_frame(DISC | twin, 0)
    both = Prompts(box=(10, 20, 140, 80))
    assert iou(mask_from_prompts(frame, {1: both}) == 1, DISC | twin) > 0.9
    only = replace(both, outside=((120, 60), (110, 55), (128, 66), (120, 72), (120, 48)))
    assert (mask_from_prompts(frame, {1: only}) == 1)[55:65, 115:125].sum() == 0
    spot = draw_disc(SIZE, (60, 85), 7)  # of another colour, at the edge
    frame = draw_frame(DISC, 0)
    frame[spot] = (20, 200, 20)
    without = mask_from_prompts(frame, {1: Prompts(box=(18, 28, 76, 65))}) == 1
    with_it = mask_from_prompts(frame, {1: Prompts(box=(18, 28, 76, 65), inside=((85, 60),))}) == 1
    assert with_it[60, 85] and with_it[spot].mean() >= without[spot].mean()


@pytest.mark.parametrize(
    "box",
    [(0, 0, 160, 120), (-50, -50, 400, 400), (158, 118, 2, 2), (10, 10, 1, 1), (0, 0, 160, 1)],
)
def test_boxes_at_the_edge_of_sense(box: tuple[float, float, float, float]) -> None:
    labels = mask_from_prompts(FRAME, {1: Prompts(box=box)})
    assert labels.shape == SIZE
    check_all_there(labels, {1: Prompts(box=box)})


def test_a_plain_picture_gives_the_box() -> None:
    labels = mask_from_prompts(
        np.full((*SIZE, 3), 90, np.uint8), {1: Prompts(box=(40, 30, 50, 40))}
    )
    box = np.zeros(SIZE, bool)
    box[30:70, 40:90] = True
    assert iou(labels == 1, box) > 0.8


def test_polygons_and_bitmaps_are_taken_as_they_are() -> None:
    bitmap = draw_disc(SIZE, (30, 130), 10)
    square = ((10.0, 10.0), (29.0, 10.0), (29.0, 19.0), (10.0, 19.0))
    labels = mask_from_prompts(FRAME, {4: Prompts(polygons=(square,), bitmap=bitmap)})
    wanted = bitmap.copy()
    wanted[10:20, 10:30] = True
    np.testing.assert_array_equal(labels == 4, wanted)


def test_strokes_paint_and_rub_out_in_their_order() -> None:
    line = ((20.0, 20.0), (60.0, 20.0))
    paint, erase = Stroke(line, 4), Stroke(line, 4, erase=True)
    for strokes, there in (((paint,), True), ((paint, erase), False), ((erase, paint), True)):
        labels = mask_from_prompts(FRAME, {1: Prompts(strokes=strokes)})
        assert bool(labels[20, 40]) is there
    dot = mask_from_prompts(FRAME, {1: Prompts(strokes=(Stroke(((40.0, 50.0),), 6),))})
    assert iou(dot == 1, draw_disc(SIZE, (50, 40), 6)) > 0.85


def test_strokes_mend_what_the_box_found() -> None:
    rubber = Stroke(((50.0, 60.0),), 8, erase=True)
    labels = mask_from_prompts(FRAME, {1: Prompts(box=BOX, strokes=(rubber,))})
    assert not labels[60, 50] and labels[60, 65]


def test_the_higher_id_lies_above() -> None:
    def square(x: float) -> Prompts:
        return Prompts(polygons=(((x, 10), (x + 20, 10), (x + 20, 30), (x, 30)),))

    labels = mask_from_prompts(FRAME, {2: square(20), 1: square(10)})
    assert labels[20, 25] == 2 and labels[20, 12] == 1
    check_all_there(labels, {1: square(10), 2: square(20)})


def test_an_object_that_vanished_is_named(refuses: Refuses) -> None:
    prompts = {1: Prompts(box=BOX), 2: Prompts(strokes=(Stroke(((1.0, 1.0),), 2, erase=True),))}
    labels = mask_from_prompts(FRAME, prompts)
    with refuses("Object 2 has no pixel"):
        check_all_there(labels, prompts)
    with refuses("No object is marked"):
        check_all_there(np.zeros(SIZE, np.uint8), {})


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        (Prompts(box=(200, 10, 20, 20)), "200,10,20,20 holds no pixel; the frame is 160x120"),
        (Prompts(box=(10, 10, 0, 20)), "10,10,0,20 holds no pixel"),
        (Prompts(inside=((160, 5),)), "160,5 is not in the picture"),
        (Prompts(outside=((5, 5),)), "only points outside"),
    ],
)
def test_prompts_outside_the_frame(refuses: Refuses, prompts: Prompts, words: str) -> None:
    with refuses("Object 3", words):
        mask_from_prompts(FRAME, {3: prompts})


def test_the_preview_outlines_the_object() -> None:
    labels = DISC.astype(np.uint8)
    preview = draw_preview(FRAME, labels)
    changed = np.abs(preview.astype(int) - FRAME).sum(2) > 30
    assert changed[60, 20] and not changed[5:20, 100:].any()  # the edge, and far from it
    assert np.abs(preview[60, 50].astype(int) - FRAME[60, 50]).sum() < 150  # tinted, still seen
