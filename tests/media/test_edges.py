"""Edges by a network, with networks that are played, and by colours."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_data import draw_disc, draw_frame

from kmn_cli.media.edges import EdgeFinder, Look
from kmn_cli.media.grabcut import find_edges
from kmn_cli.media.init_mask import doubts
from kmn_cli.media.prompts import Prompts

SIZE = (120, 160)
DISC = draw_disc(SIZE, (60, 50), 30)
FRAME = draw_frame(DISC, 0)
BOX = Prompts(box=(18.0, 28.0, 65.0, 65.0))
CLICK = Prompts(inside=((50.0, 60.0),))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def bright(image: np.ndarray, prompts: Prompts) -> np.ndarray:
    """Knows the disc by its colour, wherever it is shown."""
    inside = cv2.blur(FRAME, (5, 5))[60, 50].astype(int)
    smooth = cv2.blur(image, (5, 5)).astype(int)
    return (np.abs(smooth - inside).sum(2) < 90).astype(np.float32)


def test_the_network_decides_what_is_in_the_box() -> None:
    plain = np.full_like(FRAME, 90)  # the colours say: all of the box

    def look(image: np.ndarray, prompts: Prompts) -> np.ndarray:
        prob = np.ones(image.shape[:2], np.float32)
        prob[:, prob.shape[1] // 2 :] = 0
        return prob

    found = EdgeFinder(look)(plain, BOX)
    assert found[60, 30] and not found[60, 70]
    assert not found[60, 10]  # nothing is found beside the box
    assert iou(EdgeFinder()(plain, BOX), find_edges(plain, BOX)) == 1


def test_the_network_sees_the_box_with_its_surroundings_and_all_points() -> None:
    seen: list[tuple[tuple[int, ...], Prompts]] = []

    def look(image: np.ndarray, prompts: Prompts) -> np.ndarray:
        seen.append((image.shape, prompts))
        x, y, _, _ = prompts.box or (0, 0, 0, 0)
        assert (image[int(y) + 32, int(x) + 32] == FRAME[60, 50]).all()
        return bright(image, prompts)

    assert iou(EdgeFinder(look)(FRAME, BOX), DISC) > 0.9
    EdgeFinder(look)(FRAME, Prompts(box=BOX.box, outside=((150.0, 110.0),)))
    (narrow, _), (wide, told) = seen
    assert 65 < narrow[0] < 110 and 65 < narrow[1] < 110
    assert wide[0] > narrow[0] and wide[1] > 130
    (point,) = told.outside
    assert 0 < point[0] < wide[1] and 0 < point[1] < wide[0]


def test_a_click_is_looked_at_twice_the_second_time_closely() -> None:
    seen: list[tuple[int, ...]] = []

    def look(image: np.ndarray, prompts: Prompts) -> np.ndarray:
        seen.append(image.shape)
        return bright(image, prompts)

    assert iou(EdgeFinder(look)(FRAME, CLICK), DISC) > 0.9
    assert seen[0] == FRAME.shape and seen[1][0] * seen[1][1] < 0.7 * FRAME[..., 0].size


def test_only_what_has_a_click_in_it_is_meant() -> None:
    two = DISC | draw_disc(SIZE, (60, 130), 12)
    found = EdgeFinder(bright)(draw_frame(two, 0), CLICK)
    assert found[60, 50] and not found[60, 130]


@pytest.mark.parametrize("prompts", [BOX, CLICK])
def test_colours_answer_where_the_network_finds_nothing(prompts: Prompts) -> None:
    def look(image: np.ndarray, prompts: Prompts) -> np.ndarray:
        return np.zeros(image.shape[:2], np.float32)

    np.testing.assert_array_equal(EdgeFinder(look)(FRAME, prompts), EdgeFinder()(FRAME, prompts))


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


@pytest.mark.parametrize("look", [None, lambda image, said: np.ones(image.shape[:2], np.float32)])
def test_one_click_never_floods_the_frame(look: Look | None) -> None:
    for frame in (FRAME, np.full_like(FRAME, 90)):
        for point in ((50.0, 60.0), (130.0, 20.0), (0.0, 0.0)):
            found = EdgeFinder(look)(frame, Prompts(inside=(point,)))
            assert 0 < found.mean() < 0.2


def test_specks_and_pinholes_are_mended() -> None:
    def look(image: np.ndarray, prompts: np.ndarray) -> np.ndarray:
        prob = bright(image, prompts)
        prob[:4, :4] = 1
        prob[150:152, 150:152] = 0
        return prob

    found = EdgeFinder(look)(FRAME, BOX)
    assert cv2.connectedComponents(found.astype(np.uint8))[0] == 2
    assert cv2.connectedComponents((~found).astype(np.uint8))[0] == 2
