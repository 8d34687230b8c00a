"""Edges by colours and a network, with networks that are played."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_data import draw_disc, draw_frame

from kmn_cli.media.edges import LONG_SIDE, EdgeFinder, Look
from kmn_cli.media.grabcut import find_edges
from kmn_cli.media.init_mask import doubts
from kmn_cli.media.prompts import Prompts

SIZE = (120, 160)
DISC = draw_disc(SIZE, (60, 50), 30)
FRAME = draw_frame(DISC, 0)
BOX = Prompts(box=(18.0, 28.0, 65.0, 65.0))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def bright(image: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Knows the disc by its colour, wherever it is shown."""
    inside = FRAME[60, 50].astype(int)
    return (np.abs(image.astype(int) - inside).sum(2) < 60).astype(np.float32)


def test_the_network_decides_where_colours_cannot() -> None:
    plain = np.full_like(FRAME, 90)  # the colours say: all of the box

    def look(image: np.ndarray, guess: np.ndarray) -> np.ndarray:
        prob = guess.astype(np.float32)
        prob[:, guess.shape[1] // 2 :] = 0
        return prob

    found = EdgeFinder(look)(plain, BOX)
    assert found[60, 30] and not found[60, 70]
    assert iou(EdgeFinder()(plain, BOX), find_edges(plain, BOX)) == 1


def test_the_network_sees_the_box_with_its_surroundings_enlarged() -> None:
    seen: list[tuple[tuple[int, ...], float]] = []

    def look(image: np.ndarray, guess: np.ndarray) -> np.ndarray:
        seen.append((image.shape, float(guess.mean())))
        return bright(image, guess)

    assert iou(EdgeFinder(look)(FRAME, BOX), DISC) > 0.95
    assert all(max(shape) == LONG_SIDE and 0.1 < share < 0.7 for shape, share in seen)
    assert len(seen) == 2 and seen[0][1] > seen[1][1]


def test_colours_that_span_the_box_are_what_the_network_is_told() -> None:
    told: list[float] = []

    def look(image: np.ndarray, guess: np.ndarray) -> np.ndarray:
        told.append(iou(guess, bright(image, guess) > 0.5))
        return guess.astype(np.float32)

    EdgeFinder(look)(FRAME, BOX)
    assert len(told) == 2 and min(told) > 0.9


def test_where_they_do_not_the_network_is_told_its_own_answers() -> None:
    told: list[int] = []

    def look(image: np.ndarray, guess: np.ndarray) -> np.ndarray:
        told.append(int(guess.sum()))
        return cv2.erode(guess.astype(np.float32), np.ones((9, 9)))

    EdgeFinder(look)(np.full_like(FRAME, 90), BOX)
    assert len(told) == 6 and told[0] > told[2] > told[4]


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_a_network_that_says_nothing_is_not_asked(answer: float) -> None:
    def look(image: np.ndarray, guess: np.ndarray) -> np.ndarray:
        return np.full(guess.shape, answer, np.float32)

    np.testing.assert_array_equal(EdgeFinder(look)(FRAME, BOX), find_edges(FRAME, BOX))


def test_points_stay_as_they_were_said() -> None:
    prompts = Prompts(box=BOX.box, inside=((24.0, 34.0),), outside=((50.0, 60.0),))
    found = EdgeFinder(bright)(FRAME, prompts)
    assert found[34, 24] and not found[60, 50]


@pytest.mark.parametrize(
    "box", [(0, 0, 160, 120), (-50, -50, 400, 400), (158, 118, 2, 2), (10, 10, 1, 1)]
)
def test_boxes_at_the_edge_of_sense(box: tuple[float, float, float, float]) -> None:
    assert EdgeFinder(bright)(FRAME, Prompts(box=box)).shape == SIZE


def test_a_mask_that_hardly_fills_its_box_is_doubted() -> None:
    labels = np.zeros(SIZE, np.uint8)
    labels[28:36, 18:83] = 1
    (text,) = doubts(labels, {1: BOX})
    assert "12%" in text and "1:X,Y" in text
    labels[28:70, 18:83] = 1
    assert doubts(labels, {1: BOX}) == []
    labels[28:93, 18:83] = 1
    assert "100%" in doubts(labels, {1: BOX})[0]


def test_one_click_takes_what_the_network_is_surest_of() -> None:
    click = Prompts(inside=((50.0, 60.0),))
    assert iou(EdgeFinder(bright)(FRAME, click), DISC) > 0.9


@pytest.mark.parametrize("look", [None, lambda image, guess: np.ones(guess.shape, np.float32)])
def test_one_click_never_fills_a_fifth_of_the_frame(look: Look | None) -> None:
    for frame in (FRAME, np.full_like(FRAME, 90)):
        for point in ((50.0, 60.0), (130.0, 20.0), (0.0, 0.0)):
            found = EdgeFinder(look)(frame, Prompts(inside=(point,)))
            assert 0 < found.mean() < 0.2


def test_specks_and_pinholes_are_mended() -> None:
    def look(image: np.ndarray, guess: np.ndarray) -> np.ndarray:
        prob = bright(image, guess)
        prob[:4, :4] = 1
        prob[150:152, 150:152] = 0
        return prob

    found = EdgeFinder(look)(FRAME, BOX)
    assert cv2.connectedComponents(found.astype(np.uint8))[0] == 2
    assert cv2.connectedComponents((~found).astype(np.uint8))[0] == 2
