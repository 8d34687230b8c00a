"""The part of the frame that the network looks at."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kmn_cli.errors import InputError, UsageError
from kmn_cli.inference.network import Network
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.inference.view import View
from kmn_cli.model import KMN, KMNConfig

HEIGHT, WIDTH = 60, 80
VIEW, ROWS, COLUMNS = "20,8,48,40", slice(8, 48), slice(20, 68)


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return ready_for_inference(KMN(KMNConfig.tiny()).eval(), precision="fp32")


def frames(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8) for _ in range(count)]


def mask(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Objects 1, 2, … in boxes x, y, width, height."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for object_id, (x, y, width, height) in enumerate(boxes, 1):
        labels[y : y + height, x : x + width] = object_id
    return labels


@pytest.mark.parametrize("size", [0, 32])
def test_the_network_sees_nothing_else_and_what_it_finds_is_in_its_place(network, size):
    labels = mask((24, 12, 16, 16), (44, 30, 16, 16))
    seeing = VideoSegmenter(network, SegmentOptions(size=size, view=VIEW))
    cut = VideoSegmenter(network, SegmentOptions(size=size))
    for n, frame in enumerate(frames(4)):
        given = None if n else labels
        found = seeing.step(frame, given, want_prob=True)
        of_part = cut.step(
            frame[ROWS, COLUMNS], None if n else labels[ROWS, COLUMNS], want_prob=True
        )
        assert np.array_equal(found.labels[ROWS, COLUMNS], of_part.labels)
        assert np.array_equal(found.prob[:, ROWS, COLUMNS], of_part.prob)
        outside = np.ones((HEIGHT, WIDTH), bool)
        outside[ROWS, COLUMNS] = False
        assert not found.labels[outside].any()
        assert (found.prob[0][outside] == 1).all() and not found.prob[1:, outside].any()
    assert seeing.look_back() == cut.look_back()


def test_an_object_that_the_view_does_not_hold(network):
    said: list[str] = []
    segmenter = VideoSegmenter(network, SegmentOptions(view=VIEW), warn=said.append)
    with pytest.raises(InputError, match="Object 2 of frame 0 lies outside of the view"):
        segmenter.step(frames(1)[0], mask((24, 12, 16, 16), (0, 50, 10, 10)))
    half = mask((10, 12, 20, 16))
    segmenter = VideoSegmenter(network, SegmentOptions(view=VIEW), warn=said.append)
    assert np.array_equal(segmenter.step(frames(1)[0], half).labels, half)  # to the pixel
    assert len(said) == 1 and "50% of object 1 of frame 0" in said[0]


def test_a_view_beyond_the_frame_is_refused(network):
    segmenter = VideoSegmenter(network, SegmentOptions(view="40,8,48,40"))
    with pytest.raises(InputError, match="beyond the frame of 80x60"):
        segmenter.step(frames(1)[0], mask((44, 12, 16, 16)))


@pytest.mark.parametrize("text", ["", "all", "1,2,3", "0,0,15,40", "-5,0,40,40", "0,0,4.5,40"])
def test_what_is_no_view_is_refused(text):
    with pytest.raises(UsageError, match="view"):
        SegmentOptions(view=text)


def test_a_view_is_the_same_however_it_is_written():
    assert SegmentOptions(view="20, 8, 48, 40") == SegmentOptions(view="20,8,48,40")


def whole(size: int = 120, enlarge: float = 1.0) -> View:
    return View.of(480, 800, SegmentOptions(size=size, enlarge=enlarge, view="auto"))


def found(x: int, y: int, width: int, height: int) -> np.ndarray:
    labels = np.zeros((480, 800), np.uint8)
    labels[y : y + height, x : x + width] = 1
    return labels


def test_a_view_around_objects_has_room_and_the_shape_of_the_frame():
    view = whole().around(found(300, 200, 40, 100))
    assert view.rectangle == (153, 150, 333, 200)
    assert (view.size.net_height, view.size.net_width) == (120, 200)
    both = whole().around(found(10, 20, 30, 30) | found(160, 100, 40, 30))
    assert both.rectangle == (0, 0, 380, 228)  # no farther than the frame's border


def test_a_view_around_objects_enlarges_pixels_only_as_far_as_it_may():
    assert whole(480, 2).around(found(300, 200, 10, 10)).rectangle[2:] == (400, 240)
    assert whole().around(found(300, 200, 10, 10)).rectangle[2:] == (200, 120)
    assert whole(480).around(found(300, 200, 10, 10)) == whole(480)
    assert whole().around(found(0, 0, 500, 10)) == whole()
    assert whole().around(found(0, 0, 10, 170)) == whole()  # hardly finer


def test_a_view_grows_at_once_and_shrinks_slowly():
    view = whole().around(found(300, 200, 40, 60))
    assert view.after(found(310, 180, 40, 100)).size.height == 200
    shrunk = whole().after(found(300, 200, 40, 60))
    assert shrunk.size.height == 466
    assert view.after(found(320, 210, 40, 60)).rectangle == (240, 180, 200, 120)


@pytest.mark.parametrize("box", [(225, 200, 40, 60), (300, 240, 40, 50), (0, 0, 0, 0)])
def test_a_view_is_the_frame_where_an_object_may_be_cut_or_is_lost(box):
    view = whole().around(found(300, 200, 40, 60))
    assert view.rectangle == (220, 170, 200, 120)
    assert view.after(found(*box)) == view.whole


def test_a_view_may_touch_the_border_of_the_frame():
    view = whole().around(found(0, 300, 40, 60))
    assert view.after(found(0, 300, 40, 60)) == view


@pytest.mark.parametrize(("close", "moves"), [(0.9, True), (0.7, False)])
def test_the_self_check_decides_whether_a_view_moves(network, monkeypatch, close, moves):
    answers = iter([[close], [0.8]])
    monkeypatch.setattr("kmn_cli.inference.seen.agreement", lambda *arguments: next(answers))
    segmenter = VideoSegmenter(network, SegmentOptions(size=32, view="auto"))
    segmenter.step(frames(1)[0], mask((30, 20, 10, 10)))
    assert (segmenter._view != segmenter._view.whole) == moves


def test_a_view_that_cannot_be_finer_is_the_full_one(network):
    labels = mask((30, 20, 10, 10))
    one, other = (VideoSegmenter(network, SegmentOptions(view=v)) for v in ("auto", "full"))
    for n, frame in enumerate(frames(3)):
        answers = [each.step(frame, None if n else labels).labels for each in (one, other)]
        assert np.array_equal(*answers)


def test_a_later_mask_outside_of_the_view_is_seen(network):
    segmenter = VideoSegmenter(network, SegmentOptions(size=32, view="auto"))
    segmenter.step(frames(1)[0], mask((30, 20, 10, 10)))
    late = np.where(mask((0, 0, 2, 2), (70, 50, 8, 8)) == 2, 2, 0).astype(np.uint8)
    assert np.array_equal(segmenter.step(frames(2)[1], late).labels == 2, late == 2)
    assert segmenter.object_ids == (1, 2)
