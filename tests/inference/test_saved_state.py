"""A run that is continued from a saved state ends as if it had never stopped."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kmn_cli.inference.object_report import ObjectReport
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.saved_state import SavedState
from kmn_cli.inference.segmenter import Prediction, SegmentOptions, VideoSegmenter
from kmn_cli.media.video import Frame
from kmn_cli.model import KMN, KMNConfig

FRAMES, SIZE = 12, (45, 70)
OPTIONS = {
    "default": SegmentOptions(),
    "capped": SegmentOptions(memory_every=2, max_memory_frames=3),
    "unbounded": SegmentOptions(memory_every=1, max_memory_frames=0, sigma=None),
    "scaled": SegmentOptions(size=32),
    "in a view": SegmentOptions(size=24, view="6,2,40,40"),
    "in a view that moves": SegmentOptions(size=24, view="auto"),
    "bf16": SegmentOptions(precision="bf16"),
}


@pytest.fixture(scope="module")
def model() -> KMN:
    torch.manual_seed(0)
    return KMN(KMNConfig.tiny()).eval()


def frame(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def mask(index: int) -> np.ndarray | None:
    """Two objects at first, a third one later, then a correction."""
    given = {0: (7, 3), 4: (9,), 8: (3,)}.get(index)
    if given is None:
        return None
    labels = np.zeros(SIZE, np.uint8)
    for n, object_id in enumerate(given):
        labels[4 + index + 14 * n : 16 + index + 14 * n, 10:40] = object_id
    return labels


class Run:
    """One process's view of the video."""

    def __init__(
        self,
        model: KMN,
        options: SegmentOptions,
        path: Path,
        run: dict[str, Any] | None = None,
        given: tuple[int, ...] = (0, 4, 8),
    ) -> None:
        network = ready_for_inference(model, precision=options.precision)
        self.segmenter = VideoSegmenter(network, options)
        self.report = ObjectReport((3, 7, 9), {0, 4, 8})
        self.warnings: list[str] = []
        self.state = SavedState(
            path,
            run or {"run": 1},
            lambda stop: [str(index) for index in given if index < stop],
            self.segmenter,
            self.report,
            1.0,
            self.warnings.append,
        )

    def step(self, index: int) -> Prediction:
        gone = (7,) if index == 5 else ()
        answer = self.segmenter.step(frame(index), mask(index), absent=gone, want_prob=True)
        self.report.write(index, Frame(index, "", frame(index)), answer.labels, None)
        return answer


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_bit_for_bit_from_every_frame(model: KMN, options: SegmentOptions, tmp_path: Path) -> None:
    whole = Run(model, options, tmp_path / "0")
    expected = []
    for index in range(FRAMES):
        expected.append(whole.step(index))
        whole.state._folder = tmp_path / str(index + 1)
        whole.state.save(index)
    for stop in range(1, FRAMES):
        later = Run(model, options, tmp_path / str(stop))
        assert later.state.restore(stop) == (stop, ())
        for index in range(stop, FRAMES):
            answer = later.step(index)
            assert np.array_equal(answer.labels, expected[index].labels), (stop, index)
            assert np.array_equal(answer.prob, expected[index].prob), (stop, index)
        assert later.report.to_json() == whole.report.to_json()
        assert later.segmenter.dropped_frames == whole.segmenter.dropped_frames


@pytest.fixture
def saved(model: KMN, tmp_path: Path) -> Path:
    """The state after three frames."""
    run = Run(model, SegmentOptions(), tmp_path / "state")
    for index in range(3):
        run.step(index)
    run.state.save(2)
    return tmp_path / "state"


def test_only_its_own_run_is_continued(model: KMN, saved: Path) -> None:
    assert Run(model, SegmentOptions(), saved.with_name("none")).state.restore(3) is None
    others = [({"run": 2}, (0, 4, 8), 3), (None, (0, 2), 3), (None, (0, 4, 8), 2)]
    for run, given, available in others:  # another run, another mask, a frame is missing
        copy = shutil.copytree(saved, saved.with_name("copy"))
        assert Run(model, SegmentOptions(), copy, run, given).state.restore(available) is None
        assert not list(copy.iterdir())  # it must never meet what is written from now on
        copy.rmdir()
    assert Run(model, SegmentOptions(), saved, None, (0, 9)).state.restore(3) == (3, ())


def test_fewer_threads_go_on(model: KMN, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the advice after a process that died of too little memory says."""
    threads = torch.get_num_threads()
    monkeypatch.setattr("torch.get_num_threads", lambda: threads + 5)
    run = Run(model, SegmentOptions(), saved)
    assert run.state.restore(3) == (3, (f"threads {threads}, now {threads + 5}",))
    assert run.segmenter.object_ids == (3, 7)


def test_another_precision_goes_on(model: KMN, saved: Path) -> None:
    """What `auto` chose on the machine of before."""
    for stop, precision in ((3, "bf16"), (4, "fp32"), (5, "bf16")):
        run = Run(model, SegmentOptions(precision=precision), saved)
        restored = run.state.restore(stop)
        assert restored is not None
        assert stop == 3 or any(precision in text for text in restored.changed)
        run.step(stop)
        run.state.save(stop)


def test_a_damaged_state_is_no_state(model: KMN, saved: Path) -> None:
    path = saved / ".state-00000003.safetensors"
    data = path.read_bytes()
    for damaged in (b"", data[:100], data[: len(data) // 2], b"\xff" * 500, data[::-1]):
        path.write_bytes(damaged)
        run = Run(model, SegmentOptions(), saved)
        assert run.state.restore(3) is None
        assert run.segmenter.object_ids == ()


def test_saving_that_fails_costs_only_the_state(model: KMN, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = Run(model, SegmentOptions(), tmp_path / "file" / "state")
    run.step(0)
    run.state._next = 0.0
    assert run.state.due(given=False)
    run.state.save(0)
    assert len(run.warnings) == 1
    assert not run.state.due(given=False)


def test_states_give_way_where_there_is_no_room(
    model: KMN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = Run(model, SegmentOptions(), tmp_path)
    run.step(0)
    run.state.save(0)
    assert run.state.bytes_kept() > 0
    monkeypatch.setattr("kmn_cli.inference.saved_state._write", full)
    run.state.save(1)
    assert run.state.bytes_kept() == 0 and len(run.warnings) == 1


def test_killed_while_saving_it_leaves_only_what_is_cleared_away(
    model: KMN, tmp_path: Path
) -> None:
    run = Run(model, SegmentOptions(), tmp_path / "state")
    run.step(0)
    if (pid := os.fork()) == 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # ends the process
        run.state.save(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGXFSZ
    assert [path.suffix for path in (tmp_path / "state").iterdir()] == [".part"]


def test_it_saves_now_and_then(model: KMN, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most once in `every` seconds, and a slow disk is used the more rarely."""
    now = 0.0
    monkeypatch.setattr("kmn_cli.inference.saved_state.time.monotonic", lambda: now)
    run = Run(model, SegmentOptions(), saved)
    run.step(0)
    assert not run.state.due(given=False)
    now = 1.0
    assert run.state.due(given=False)
    run.state.save(1)
    now = 1.05
    assert not run.state.due(given=True)
    now = 1.2
    assert run.state.due(given=True)  # others may follow it
    now = 1.9
    assert not run.state.due(given=False)
    now = 2.0
    assert run.state.due(given=False)
    ticks = iter([2.0, 5.0])  # three seconds for the next save
    monkeypatch.setattr("kmn_cli.inference.saved_state.time.monotonic", lambda: next(ticks))
    run.state.save(2)
    monkeypatch.setattr("kmn_cli.inference.saved_state.time.monotonic", lambda: 154.0)
    assert not run.state.due(given=False)
    monkeypatch.setattr("kmn_cli.inference.saved_state.time.monotonic", lambda: 155.0)
    assert run.state.due(given=False)


def test_few_states_are_kept_and_spread(
    model: KMN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(model, SegmentOptions(), tmp_path)
    stops = []
    for index in range(FRAMES):
        run.step(index)
        run.state.save(index)
        stops = sorted(int(path.stem.rpartition("-")[2]) for path in tmp_path.iterdir())
        assert stops[-1] == index + 1 and len(stops) <= 8
    assert max(np.diff([0, *stops])) <= 3
    monkeypatch.setattr("kmn_cli.inference.saved_state.MAX_BYTES", 1)
    run.state.save(FRAMES)
    assert [path.name for path in tmp_path.iterdir()] == [f".state-{FRAMES + 1:08d}.safetensors"]
