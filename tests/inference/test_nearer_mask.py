from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kmn_cli.inference.both_ways import AnswerSpool, Backward, Stretch, find_stretches
from kmn_cli.inference.segmenter import Prediction
from kmn_cli.media.frames import Frame

SIZE = (4, 6)


def given(**ids: tuple[int, ...]) -> dict[int, frozenset[int]]:
    """given(f3=(1, 2)): the mask of frame 3 names objects 1 and 2."""
    return {int(name[1:]): frozenset(found) for name, found in ids.items()}


@pytest.mark.parametrize(
    ("masks", "everywhere", "expected"),
    [
        (given(f0=(1,)), True, []),
        (given(f5=(1,)), False, [(5, 0)]),
        (given(f5=(1,), f9=(1, 2)), False, [(5, 0)]),  # 2 is not followed backwards
        (given(f0=(1,), f9=(1,)), True, [(9, 1)]),
        (given(f4=(1,), f9=(1,)), True, [(9, 5), (4, 0)]),
        (given(f4=(1,), f9=(1, 2)), True, [(9, 0)]),  # 2 goes on beyond the mask that lacks it
        (given(f4=(1, 2), f6=(1,), f9=(2,)), True, [(9, 5), (4, 0)]),
        (given(f4=(), f9=(1,)), False, [(9, 0)]),  # a mask without objects marks nothing
        (given(f4=(1,), f5=(1,)), True, [(4, 0)]),  # nothing lies between
    ],
)
def test_what_is_followed_backwards(
    masks: dict[int, frozenset[int]], everywhere: bool, expected: list[tuple[int, int]]
) -> None:
    found = find_stretches(masks, {}, 0, everywhere=everywhere)
    assert found == [Stretch(top, first) for top, first in expected]


@pytest.mark.parametrize(
    ("masks", "absent", "everywhere", "expected"),
    [
        (given(f4=(1, 2), f9=(1,)), given(f9=(2,)), True, [(9, 5), (4, 0)]),
        (given(f4=(), f9=(1,)), given(f4=(1,)), True, [(9, 5)]),  # nothing is left to follow
        (given(f4=(), f9=(1,)), given(f4=(1,)), False, [(9, 0)]),
        (given(f4=(2,), f9=(1, 2)), given(f4=(1,)), True, [(9, 5), (4, 0)]),
        (given(f2=(1,), f4=(), f9=(1, 2)), given(f4=(2,)), True, [(9, 3), (2, 0)]),
        (given(f4=(1,), f9=()), given(f9=(1,)), True, [(4, 0)]),
    ],
)
def test_what_is_absent_is_not_followed_beyond(
    masks: dict[int, frozenset[int]],
    absent: dict[int, frozenset[int]],
    everywhere: bool,
    expected: list[tuple[int, int]],
) -> None:
    found = find_stretches(masks, absent, 0, everywhere=everywhere)
    assert found == [Stretch(top, first) for top, first in expected]


@pytest.mark.parametrize(
    ("masks", "absent", "taken"),
    [
        (given(f0=(1,), f10=()), given(f10=(1,)), "forward"),  # it left somewhere before 10
        (given(f0=(), f10=(1,)), given(f0=(1,)), "backward"),  # it came somewhere behind 0
    ],
)
@pytest.mark.parametrize("index", [1, 5, 9])
def test_where_it_is_absent_tells_nothing_of_frames_between(
    tmp_path: Path,
    masks: dict[int, frozenset[int]],
    absent: dict[int, frozenset[int]],
    taken: str,
    index: int,
) -> None:
    back = Backward(
        [(Stretch(10, 1), spool_of(tmp_path, index, certain(0, 2)))], masks, absent, (1,)
    )
    forward = Prediction(np.ones(SIZE, np.uint8), soft=certain(1, 2))
    assert back.join(index, forward, None).labels.all() == (taken == "forward")


def spool_of(folder: Path, index: int, soft: np.ndarray) -> AnswerSpool:
    spool = AnswerSpool(folder, wants_soft=True)
    image = np.zeros((*SIZE, 3), np.uint8)
    spool.write(index, Frame(index, "", image), soft.argmax(0).astype(np.uint8), soft)
    return spool


def certain(channel: int, channels: int) -> np.ndarray:
    soft = np.zeros((channels, *SIZE), np.uint8)
    soft[channel] = 255
    return soft


def test_a_spool_gives_back_what_it_was_given(tmp_path: Path) -> None:
    soft = np.random.default_rng(0).integers(0, 256, (3, *SIZE), np.uint8)
    found = spool_of(tmp_path, 7, soft).read(7)
    assert (found.labels == soft.argmax(0)).all()
    assert found.soft is not None and (found.soft == soft).all()


@pytest.mark.parametrize(("index", "nearer"), [(1, "forward"), (4, "forward"), (6, "backward")])
def test_the_nearer_mask_decides(tmp_path: Path, index: int, nearer: str) -> None:
    spool = spool_of(tmp_path, index, certain(0, 2))  # nothing, says the way back
    back = Backward([(Stretch(10, 1), spool)], given(f0=(1,), f10=(1,)), {}, (1,))
    forward = Prediction(np.ones(SIZE, np.uint8), soft=certain(1, 2))
    joined = back.join(index, forward, None)
    assert joined.soft is not None
    assert joined.soft[1].mean() == round(255 * (1 - index / 10))
    assert (abs(joined.soft.sum(0, dtype=int) - 255) <= 1).all()
    assert joined.labels.all() == (nearer == "forward")


def test_an_object_known_one_way_is_taken_from_it_and_given_pixels_stay(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, 4, certain(2, 3))  # all is object 9, which comes later
    back = Backward([(Stretch(10, 0), spool)], given(f4=(5,), f10=(9,)), {}, (5, 9))
    mask = np.zeros(SIZE, np.uint8)
    mask[0] = 5
    forward = np.zeros((3, *SIZE), np.uint8)
    forward[1, 0], forward[0, 1:] = 255, 255
    joined = back.join(4, Prediction(mask, soft=forward), mask)
    assert (joined.labels[0] == 5).all() and (joined.labels[1:] == 9).all()


def test_a_frame_without_a_say_of_the_way_back_is_left_as_it_is(tmp_path: Path) -> None:
    back = Backward(
        [(Stretch(10, 0), AnswerSpool(tmp_path, wants_soft=True))], given(f4=(5,)), {}, (5,)
    )
    forward = Prediction(np.full(SIZE, 5, np.uint8), soft=certain(1, 2))
    assert back.join(6, forward, None) is forward
    assert back.holds(9) and not back.holds(10)
