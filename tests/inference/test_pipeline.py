from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from kmn_cli.inference.object_report import ObjectReport
from kmn_cli.inference.pipeline import run_pipeline
from kmn_cli.inference.segmenter import Prediction
from kmn_cli.media.video import Frame

SIZE = (8, 10)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def frames(count: int, first: int = 0) -> Iterator[Frame]:
    for index in range(first, first + count):
        yield Frame(index, f"{index:05d}", np.full((*SIZE, 3), index, np.uint8))


class EchoSegmenter:
    """Says that every pixel is the object named last; its ids keep the order of their coming."""

    def __init__(self, frames_ahead: int = 1) -> None:
        self.object_ids: tuple[int, ...] = ()
        self.seconds = {"model": 0.0}
        self.seen: list[int] = []
        self.frames_ahead = frames_ahead
        self.ahead: list[list[int]] = []

    def look_ahead(self, frames: list[np.ndarray]) -> None:
        self.ahead.append([int(frame[0, 0, 0]) for frame in frames])

    def step(
        self,
        frame: np.ndarray,
        mask: np.ndarray | None,
        *,
        absent: tuple[int, ...],
        want_prob: bool,
        want_soft: bool,
    ) -> Prediction:
        self.seen.append(int(frame[0, 0, 0]))
        if mask is not None:
            new = [int(i) for i in np.unique(mask) if i and i not in self.object_ids]
            self.object_ids += tuple(new)
        soft = np.zeros((len(self.object_ids) + 1, *SIZE), np.uint8)
        soft[-1] = 255
        labels = np.full(SIZE, self.object_ids[-1], np.uint8)
        return Prediction(labels, soft=soft if want_soft else None)


class Recorder:
    """A sink that keeps what it is given and how it was left."""

    def __init__(self, fail_at: int | None = None, wants_soft: bool = False) -> None:
        self.wants_soft = wants_soft
        self.items: list[tuple[int, int, int, np.ndarray | None]] = []
        self.left_by: Any = "never"
        self.fail_at = fail_at

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self.left_by = kind

    def write(self, index: int, frame: Frame, labels: np.ndarray, soft: np.ndarray | None) -> None:
        if index == self.fail_at:
            raise OSError("disk full")
        self.items.append((index, frame.index, int(labels[0, 0]), soft))


def masks(**given: int) -> Callable[[Frame], np.ndarray | None]:
    """masks(f2=7): object 7 everywhere on frame 2."""
    by_frame = {int(name[1:]): object_id for name, object_id in given.items()}

    def mask_for(frame: Frame) -> np.ndarray | None:
        if frame.index not in by_frame:
            return None
        return np.full(SIZE, by_frame[frame.index], np.uint8)

    return mask_for


def run(sinks: list[Any], reader: Any, mask_for: Any, segmenter: Any = None, **options: Any) -> Any:
    options = {"object_ids": (1,), **options}
    return run_pipeline(reader, segmenter or EchoSegmenter(), sinks, mask_for, **options)


def test_every_frame_reaches_every_sink_in_order() -> None:
    first, second = Recorder(), Recorder()
    stats = run([first, second], frames(20), masks(f0=1))
    assert [item[:3] for item in first.items] == [(i, i, 1) for i in range(20)]
    assert len(second.items) == 20
    assert stats.frames == 20
    assert first.left_by is None


def test_frames_before_the_first_mask_are_empty() -> None:
    sink = Recorder(wants_soft=True)
    run([sink], frames(4, first=10), masks(f12=3), object_ids=(3,))
    assert [item[:3] for item in sink.items] == [(i, i, 0 if i < 12 else 3) for i in range(10, 14)]
    soft = sink.items[0][3]
    assert soft is not None and soft.shape == (2, *SIZE)
    assert (soft[0] == 255).all() and (soft[1] == 0).all()


def test_soft_maps_have_one_channel_for_every_object_of_the_video() -> None:
    sink = Recorder(wants_soft=True)
    run([sink], frames(3), masks(f0=9, f1=2), object_ids=(2, 9))
    certain = [int(item[3][:, 0, 0].argmax()) for item in sink.items]  # type: ignore[index]
    assert certain == [2, 1, 1]  # 9 is the second channel, 2 the first
    assert all(item[3] is not None and item[3].shape[0] == 3 for item in sink.items)


def test_frames_are_shown_ahead_once_there_are_objects() -> None:
    sink, segmenter = Recorder(), EchoSegmenter(frames_ahead=3)
    run([sink], frames(8), masks(f1=1), segmenter)
    assert segmenter.ahead == [[3, 4, 5], [6, 7]]
    assert segmenter.seen == list(range(1, 8))
    assert [item[0] for item in sink.items] == list(range(8))


@pytest.mark.parametrize("frames_ahead", [1, 3])
def test_an_error_of_the_reader_comes_after_its_frames_are_written(frames_ahead: int) -> None:
    def broken() -> Iterator[Frame]:
        yield from frames(5)
        raise ValueError("cut off")

    sink = Recorder()
    with pytest.raises(ValueError, match="cut off"):
        run([sink], broken(), masks(f0=1), EchoSegmenter(frames_ahead))
    assert len(sink.items) == 5
    assert sink.left_by is ValueError


def test_an_error_of_a_sink_stops_the_run() -> None:
    sink = Recorder(fail_at=2)
    seen: list[int] = []
    with pytest.raises(OSError, match="disk full"):
        run([sink], frames(500), masks(f0=1), on_frame=lambda frame: seen.append(frame.index))
    assert len(sink.items) == 2
    assert len(seen) < 50
    assert sink.left_by is OSError


def test_ctrl_c_leaves_finished_frames_written() -> None:
    sink = Recorder()

    def interrupt(frame: Frame) -> None:
        if frame.index == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([sink], frames(100), masks(f0=1), on_frame=interrupt)
    assert len(sink.items) == 8
    assert sink.left_by is KeyboardInterrupt


def test_an_empty_reader_gives_no_frames() -> None:
    assert run([], iter(()), masks()).frames == 0


def _report(areas: list[int], given: tuple[int, ...] = (0,)) -> dict[str, Any]:
    report = ObjectReport((5,), given)
    for frame, area in zip(frames(len(areas)), areas, strict=True):
        labels = np.zeros(SIZE, np.uint8)
        labels.ravel()[:area] = 5
        report.write(frame.index, frame, labels, None)
    return report.to_json()[0]


def test_the_report_says_where_an_object_is_lost() -> None:
    report = _report([0, 20, 22, 0, 0, 21, 0])
    assert report["first_seen"] == 1
    assert report["last_seen"] == 5
    assert report["lost_at"] == [3, 6]
    assert report["area_jumps"] == []


def test_the_report_says_where_an_area_jumps_unless_its_mask_was_given() -> None:
    areas = [20, 21, 50, 52, 20, 20]
    assert _report(areas)["area_jumps"] == [2, 4]
    assert _report(areas, given=(0, 4))["area_jumps"] == [2]
