from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from kmn_cli.inference.background import Background, Prefetch


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_prefetch_gives_everything_in_order() -> None:
    with Prefetch(range(50), depth=3) as items:
        assert list(items) == list(range(50))


def test_prefetch_is_bounded() -> None:
    taken = []

    def source() -> Iterator[int]:
        for i in range(100):
            taken.append(i)
            yield i

    with Prefetch(source(), depth=3) as items:
        next(iter(items))
        time.sleep(0.1)
        assert len(taken) <= 6  # one given, three waiting, one on its way


def test_prefetch_hands_over_the_error_after_the_items() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("cut off")

    got = []
    with pytest.raises(ValueError, match="cut off"), Prefetch(source(), depth=3) as items:
        got.extend(iter(items))
    # `extend` takes what came before the error
    assert got == [1]


def test_leaving_prefetch_early_stops_its_thread() -> None:
    with pytest.raises(KeyboardInterrupt), Prefetch(iter(int, 1), depth=2) as items:
        for _ in items:
            raise KeyboardInterrupt


def test_background_works_in_order_and_finishes() -> None:
    done: list[int] = []
    with Background(done.append, depth=2) as writer:
        for i in range(20):
            writer.put(i)
    assert done == list(range(20))


def test_background_finishes_its_items_when_left_by_an_error() -> None:
    done: list[int] = []

    def slow(item: int) -> None:
        time.sleep(0.01)
        done.append(item)

    with pytest.raises(KeyboardInterrupt), Background(slow, depth=4) as writer:
        for i in range(3):
            writer.put(i)
        raise KeyboardInterrupt
    assert done == [0, 1, 2]


def test_background_hands_over_its_error_and_never_blocks() -> None:
    done: list[int] = []

    def fail_at_two(item: int) -> None:
        if item == 2:
            raise OSError("disk full")
        done.append(item)

    with pytest.raises(OSError, match="disk full"), Background(fail_at_two, depth=1) as writer:
        for i in range(1000):
            writer.put(i)
    assert done == [0, 1]


def test_background_hands_over_the_error_of_the_last_item() -> None:
    def fail(item: int) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), Background(fail, depth=4) as writer:
        writer.put(0)
