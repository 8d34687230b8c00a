"""One folder, several processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from forks import Forks

from kmn_cli.batch.claim import BusyError, claim
from kmn_cli.errors import KmnError

Draw = Callable[..., Path]


def _enter(folder: Path, place: Path, rounds: int) -> None:
    """Enter a folder time and again; complain when somebody else is inside."""
    for _ in range(rounds):
        with claim(folder, wait=True):
            inside = os.open(place, os.O_CREAT | os.O_EXCL)
            os.close(inside)
            place.unlink()


def test_never_two_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmn_cli.locks.SECONDS_BETWEEN_LOOKS", 0.0)
    fork = multiprocessing.get_context("fork")
    arguments = (tmp_path / "a/b", tmp_path / "inside", 50)
    processes = [fork.Process(target=_enter, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert not (tmp_path / "a/b").exists()  # nothing was written, nothing is left


def test_the_other_is_named(tmp_path: Path) -> None:
    name = f"process {os.getpid()} on "
    with claim(tmp_path), pytest.raises(BusyError, match=name), claim(tmp_path):
        pass
    with claim(tmp_path):
        pass
    assert tmp_path.exists() is False


def test_who_waits_gets_it(tmp_path: Path) -> None:
    told: list[str] = []
    order: list[str] = []

    def second() -> None:
        with claim(tmp_path / "x", wait=True, on_wait=told.append):
            order.append("second")

    with claim(tmp_path / "x"):
        thread = threading.Thread(target=second)
        thread.start()
        while not told:
            time.sleep(0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    event = fork.Event()

    def hold() -> None:
        with claim(tmp_path):
            event.set()
            time.sleep(60)

    process = fork.Process(target=hold)
    process.start()
    event.wait()
    with pytest.raises(BusyError), claim(tmp_path):
        pass
    process.kill()
    process.join()
    with claim(tmp_path):
        pass


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: int, how: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("kmn_cli.platforms.fcntl.flock", refuse)
    warnings: list[str] = []
    with claim(tmp_path / "x", warn=warnings.append):
        assert "no locks" in warnings[0]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KmnError, match="file"), claim(tmp_path / "file" / "x"):
        pass


@pytest.fixture
def command(movie: Path, draw: Draw, tmp_path: Path, tiny_weights: Path) -> list[object]:
    for number in range(4):
        path = tmp_path / "shelf" / f"{number}.mp4"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(movie, path)
        draw(f"masks/{number}.png", 1)
    common = ["--mask", tmp_path / "masks", "--weights", tiny_weights, "--device", "cpu"]
    return ["segment", tmp_path / "shelf", *common, "--log", tmp_path / "log.jsonl"]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.png")}


def events(log: Path, name: str) -> list[str]:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return sorted(Path(line["input"]).name for line in lines if line["event"] == name)


def test_four_mistaken_duplicates(forks: Forks, command: list[object], tmp_path: Path) -> None:
    """Four times the same command at once, one of them killed: each video is done once."""
    assert forks.run([*command, "-o", tmp_path / "whole"]) == 0
    (tmp_path / "log.jsonl").unlink()
    out = tmp_path / "out"
    pids = [forks.start([*command, "-o", out], tmp_path / "said.txt") for _ in range(4)]
    while not list(out.glob("*/masks/00003.png")):
        time.sleep(0.01)
    os.kill(pids[0], signal.SIGKILL)
    codes = [forks.wait(pid) for pid in pids]
    assert codes == [-signal.SIGKILL, 0, 0, 0], (tmp_path / "said.txt").read_text()
    assert files(out) == files(tmp_path / "whole")
    assert {p.name for p in out.iterdir()} == {"0", "1", "2", "3", "summary.json"}
    for folder in out.glob("?"):
        left = {path.name for path in folder.iterdir()}
        assert left == {"masks", "overlay.mp4", "result.json"}
    names = ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]
    assert events(tmp_path / "log.jsonl", "finished") == names


def test_four_shards(forks: Forks, command: list[object], tmp_path: Path) -> None:
    out = tmp_path / "out"
    pids = [forks.start([*command, "-o", out, "--shard", f"{k}/4"]) for k in range(1, 5)]
    assert [forks.wait(pid) for pid in pids] == [0] * 4
    assert len(list(out.glob("*/result.json"))) == 4
    assert len(list(out.glob("summary-?-of-4.json"))) == 4
    names = ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]
    assert events(tmp_path / "log.jsonl", "finished") == names
