"""Many videos in one run."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from kmn_cli.media.video import open_video

Kmn = Callable[..., Result]
Draw = Callable[..., Path]


@pytest.fixture
def shelf(movie: Path, draw: Draw, tmp_path: Path) -> Path:
    """Two videos of one name in sub-folders, one at the top, and their masks."""
    shelf = tmp_path / "shelf"
    for name in ("a/cat", "b/cat", "dog"):
        path = shelf / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(movie, path)
        draw(f"masks/{name}.png", 1)
    return shelf


@pytest.fixture
def batch(kmn: Kmn, tiny_weights: Path, tmp_path: Path) -> Kmn:
    """`kmn segment` of masks only, with the tiny network, into tmp_path/out."""

    def run(*arguments: object, **options: Any) -> Result:
        common = ["--mask", tmp_path / "masks", "--weights", tiny_weights, "--device", "cpu"]
        common += ["--format", "masks", "-o", tmp_path / "out"]
        return kmn("segment", *arguments, *common, **options)

    return run


def done(out: Path) -> set[str]:
    """Names of the videos whose results are there."""
    return {path.parent.relative_to(out).as_posix() for path in out.rglob("result.json")}


def summary(out: Path, name: str = "summary.json") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / name).read_text())
    return document


def test_sub_folders_are_mirrored(batch: Kmn, shelf: Path, tmp_path: Path) -> None:
    result = batch(shelf)
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    assert done(out) == {"a/cat", "b/cat", "dog"}
    document = summary(out)
    assert (document["videos"], document["done"], document["failed"]) == (3, 3, [])
    assert [entry["frames"] for entry in document["results"]] == [10, 10, 10]
    assert not (out / "failed.txt").exists()
    again = batch(shelf, "--json")
    assert json.loads(again.stdout)["skipped"] == 3


def test_what_is_no_video_is_named_and_odd_names_are_videos(
    batch: Kmn, movie: Path, draw: Draw, tmp_path: Path
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name in ("summary.json", "masks"):
        shutil.copy(movie, shelf / f"{name}.mp4")
        draw(f"masks/{name}.png", 1)
    (shelf / "notes.txt").write_text("take 2 is best")
    result = batch(shelf)
    assert result.exit_code == 0, result.output
    assert "notes.txt is left out: not a video but a text" in result.stderr.replace("\n", "")
    assert done(tmp_path / "out") == {"summary.json.mp4", "masks"}
    document = summary(tmp_path / "out")
    (left,) = document["left_out"]
    assert left == {"input": str(shelf / "notes.txt"), "reason": "not a video but a text"}
    assert document["done"] == 2


def test_results_and_masks_beside_the_videos_are_no_inputs(
    kmn: Kmn, shelf: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    shutil.move(tmp_path / "masks", shelf / "masks")
    common = ["--mask", shelf / "masks", "--weights", tiny_weights, "-o", shelf / "out"]
    for expected in ("done", "skipped"):
        result = kmn("segment", shelf, *common, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)[expected] == 3


def test_globs_mirror_what_they_span(batch: Kmn, shelf: Path, tmp_path: Path) -> None:
    assert batch(f"{shelf}/*/*.mp4").exit_code == 0
    assert done(tmp_path / "out") == {"a/cat", "b/cat"}


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (["a/cat.mp4", "b/cat.mp4"], "both be written to 'cat'"),
        (["a/cat.mp4", "CAT.mp4"], "both be written to 'CAT'"),
        (["a", "a/cat.mp4", "cat/x.mp4", "cat"], "inside the results"),
    ],
)
def test_collisions_are_refused_before_anything_runs(
    batch: Kmn, shelf: Path, movie: Path, tmp_path: Path, inputs: list[str], text: str
) -> None:
    for name in ("CAT.mp4", "cat/x.mp4"):
        (shelf / name).parent.mkdir(exist_ok=True)
        shutil.copy(movie, shelf / name)
    listed = "".join(
        f"{shelf / name}" + ("\tcat/x\n" if name.startswith("cat/") else "\n") for name in inputs
    )
    result = batch("--from-file", "-", stdin=listed)
    assert result.exit_code == 3, result.output
    assert text in result.stderr
    assert not (tmp_path / "out").exists()


class TestOneFails:
    """Exit 6, a list, and a line that does just those again."""

    @pytest.fixture
    def broken(self, shelf: Path) -> Path:
        path = shelf / "a" / "cat.mp4"
        path.write_text("no video")
        return path

    def test_the_line_does_just_those_again(
        self, batch: Kmn, kmn: Kmn, shelf: Path, broken: Path, movie: Path, tmp_path: Path
    ) -> None:
        result = batch(shelf, "--memory-every", 3, "--read", "plain")
        assert result.exit_code == 6
        assert f"{broken}: " in result.stderr
        out = tmp_path / "out"
        assert done(out) == {"b/cat", "dog"}
        document = summary(out)
        assert [entry["input"] for entry in document["failed"]] == [str(broken)]
        assert document["rerun"] in result.stderr
        words = shlex.split(document["rerun"])
        assert words[0] == "kmn"
        for name in ("0", "1", "5"):  # a list of one is no single input: these are no frames
            shutil.copy(tmp_path / "masks/dog.png", tmp_path / f"masks/{name}.png")
        shutil.copy(movie, broken)
        again = kmn(*words[1:], "--json")
        assert again.exit_code == 0, again.output
        assert done(out) == {"a/cat", "b/cat", "dog"}
        assert summary(out)["done"] == 1
        settings = json.loads((out / "a/cat/result.json").read_text())["settings"]
        assert (settings["memory_every"], settings["sigma"]) == (3, None)

    def test_a_name_with_a_line_break_comes_through_the_list(
        self, batch: Kmn, kmn: Kmn, shelf: Path, movie: Path, draw: Draw, tmp_path: Path
    ) -> None:
        name = " -x '\n\"ü.."
        for place in ("a", "b"):
            (shelf / place / f"{name}.mp4").write_text("no video")
            draw(f"masks/{place}/{name}.png", 1)
        assert batch(shelf).exit_code == 6
        for place in ("a", "b"):
            shutil.copy(movie, shelf / place / f"{name}.mp4")
        out = tmp_path / "out"
        words = shlex.split(summary(out)["rerun"])
        assert kmn(*words[1:]).exit_code == 0
        assert done(out) >= {f"a/{name}", f"b/{name}"}

    def test_fail_fast(self, batch: Kmn, shelf: Path, broken: Path, tmp_path: Path) -> None:
        result = batch(shelf, "--fail-fast")
        assert result.exit_code == 6
        assert done(tmp_path / "out") == set()
        assert len(summary(tmp_path / "out")["not_started"]) == 2
        assert len((tmp_path / "out" / "failed.txt").read_text().splitlines()) == 3

    def test_a_listed_video_that_is_gone(self, batch: Kmn, shelf: Path, tmp_path: Path) -> None:
        listed = f"{shelf / 'gone.mp4'}\n{shelf / 'dog.mp4'}\n"
        result = batch("--from-file", "-", stdin=listed)
        assert result.exit_code == 6
        assert "gone.mp4" in result.stderr
        assert done(tmp_path / "out") == {"dog"}

    def test_a_log_for_machines(
        self, batch: Kmn, shelf: Path, broken: Path, tmp_path: Path
    ) -> None:
        log = tmp_path / "logs" / "events.jsonl"
        batch(shelf, "--log", log)
        events = [json.loads(line) for line in log.read_text().splitlines()]
        assert {"time", "event", "process"} <= set(events[0])
        names = [event["event"] for event in events]
        assert names.count("started") == 3
        assert names.count("finished") == 2
        failed = next(event for event in events if event["event"] == "failed")
        assert failed["input"] == str(broken) and failed["message"]
        assert events[-2]["event"] == "summary" and events[-2]["done"] == 2


def test_a_dry_run_writes_nothing(batch: Kmn, shelf: Path, tmp_path: Path) -> None:
    assert batch(shelf / "dog.mp4").exit_code == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    result = batch(shelf, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert [row["plan"] for row in plan["videos"]] == ["segment", "segment", "skip"]
    assert plan["network_seconds"] > 0
    assert plan["memory_bytes"] > 10_000_000
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    (tmp_path / "masks/a/cat.png").unlink()
    result = batch(shelf, "--dry-run")
    assert result.exit_code == 6
    assert "no mask for" in result.stderr


def test_shards_divide_the_videos(
    batch: Kmn, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert batch(shelf, "--shard", "2/2").exit_code == 0
    assert done(out) == {"b/cat"}
    assert summary(out, "summary-2-of-2.json")["videos"] == 1
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    assert batch(shelf).exit_code == 0
    assert done(out) == {"a/cat", "b/cat", "dog"}
    # A task that is given its own video does it.
    assert batch(shelf / "dog.mp4", "--overwrite").exit_code == 0


def test_several_workers(
    batch: Kmn, shelf: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (shelf / "b" / "cat.mp4").write_text("no video")
    result = batch(shelf, "--workers", 2, "--json", "-v")
    assert result.exit_code == 6, result.output
    assert capfd.readouterr().out == ""  # what the workers say is no part of the document
    document = json.loads(result.stdout)
    assert document["done"] == 2
    assert [entry["exit_code"] for entry in document["failed"]] == [3]
    masks = {}
    for name in ("a/cat", "dog"):
        with open_video(tmp_path / "out" / name / "masks") as reader:
            masks[name] = [frame.image.tobytes() for frame in reader]
    assert masks["a/cat"] == masks["dog"]
    assert len(masks["dog"]) == 10


def test_a_picture_among_videos_is_named(batch: Kmn, shelf: Path, draw: Draw) -> None:
    shutil.copy(draw("cover.png", 1), shelf / "a" / "cover.png")
    result = batch(shelf)
    assert result.exit_code == 0, result.output
    assert f"{os.sep}cover.png is left out: " in result.stderr


def test_workers_say_once_where_they_run_and_a_background_job_is_not_interrupted(
    batch: Kmn, shelf: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    """A shell lets what runs in the background ignore Ctrl-C, which reaches its whole group."""
    command = [sys.executable, "-m", "kmn_cli", "segment", shelf, "--mask", tmp_path / "masks"]
    command += ["--weights", tiny_weights, "--workers", "2", "--format", "masks"]
    log = tmp_path / "log.jsonl"
    command += ["-o", tmp_path / "out", "--log", log]
    run = subprocess.Popen(
        [str(word) for word in command],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        process_group=0,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    while run.poll() is None and not (log.exists() and "started" in log.read_text()):
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert said.count("device: ") == 1
    assert "as asked" not in said
    assert done(tmp_path / "out") == {"a/cat", "b/cat", "dog"}
