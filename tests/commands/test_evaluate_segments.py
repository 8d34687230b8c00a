"""kmn evaluate without results: it segments first."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from kmn_cli.locks import FileLock

Kmn = Callable[..., Result]


def test_segments_first_and_goes_on_where_it_stopped(
    kmn: Kmn, root: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = (
        "evaluate", root, "--protocol", "davis2017", "--weights", tiny_weights, "-o", out,
        "--size", 48, "--device", "cpu", "--workers", 1,
    )  # fmt: skip
    first = kmn(*command)
    assert first.exit_code == 0, first.output
    assert "fps" in first.stdout
    written = (out / "hen" / "00002.png").stat().st_mtime_ns
    assert len(list((out / "cow").iterdir())) == 5
    assert json.loads((out / "scores.json").read_text())["speed"]["frames"] == 10
    log = json.loads((out / "segmentation.json").read_text())["settings"]
    assert (log["memory_every"], log["max_memory_frames"], log["sigma"]) == (5, 0, 7.0)
    second = kmn(*command)
    assert "2 of 2 sequences are done" in second.stderr
    assert (out / "hen" / "00002.png").stat().st_mtime_ns == written
    assert kmn(*command, "--read", "plain").exit_code == 2


def test_one_that_fails_does_not_stop_the_others(
    kmn: Kmn, root: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    out, broken = tmp_path / "out", root / "JPEGImages" / "480p" / "hen" / "00002.jpg"
    whole = broken.read_bytes()
    broken.write_bytes(b"no picture")
    command = (
        "evaluate", root, "--protocol", "davis2017", "--weights", tiny_weights, "-o", out,
        "--size", 48, "--device", "cpu", "--workers", 1,
    )  # fmt: skip
    done = kmn(*command, "--json")
    assert done.exit_code == 6
    assert "1 of 2 sequences failed" in done.stderr and "--without hen " in done.stderr
    document = json.loads(done.stdout)
    assert list(document["failed"]) == ["hen"] and document["error"]["exit_code"] == 6
    assert len(list((out / "cow").iterdir())) == 5
    assert not (out / "scores.json").exists()  # the official means are over all
    left = kmn(*command, "--without", "hen")
    assert left.exit_code == 0, left.output
    assert list(json.loads((out / "scores.json").read_text())["sequences"]) == ["cow"]
    broken.write_bytes(whole)
    mended = kmn(*command)
    assert mended.exit_code == 0 and "1 of 2 sequences are done" in mended.stderr
    assert list(json.loads((out / "scores.json").read_text())["sequences"]) == ["hen", "cow"]


def test_what_could_not_be_scored_is_not_segmented(
    kmn: Kmn, root: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    for name in ("00002", "00003", "00004"):
        (root / "Annotations" / "480p" / "hen" / f"{name}.png").unlink()
    done = kmn(
        "evaluate", root, "--protocol", "davis2017", "--weights", tiny_weights, "--device", "cpu",
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == 3
    assert "hen: nothing to score" in done.stderr and "--without hen " in done.stderr
    assert not (tmp_path / "out").exists()


def test_data_sets_do_not_share_a_folder_of_results(
    kmn: Kmn, root: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root.rename("FARM")
    shutil.copytree("FARM", "ZOO")
    for data in ("FARM", "ZOO"):
        done = kmn(
            "evaluate", data, "--protocol", "davis2017", "--weights", tiny_weights, "--size", 32,
            "--device", "cpu", "--workers", 1, "--sequences", "hen",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        assert Path(f"kmn-out/{data}-davis2017-val/report.html").is_file()


def test_two_do_not_work_on_one_folder(
    kmn: Kmn, root: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FileLock(tmp_path / "out" / ".claim", pytest.fail)
    assert other.take()
    monkeypatch.setattr("kmn_cli.locks.time.sleep", lambda seconds: other.let_go())
    done = kmn(
        "evaluate", root, "--protocol", "davis2017", "--weights", tiny_weights, "--size", 32,
        "-o", tmp_path / "out", "--device", "cpu", "--workers", 1, "--sequences", "hen",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert f"waiting for process {os.getpid()}" in done.stderr
    assert not (tmp_path / "out" / ".claim").exists()


def test_segments_as_the_weights_are_best(
    kmn: Kmn, root: Path, weights_at_32: Path, tmp_path: Path
) -> None:
    def settings(*options: object) -> tuple[int, float]:
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        common = ("--weights", weights_at_32, "-o", out, "--device", "cpu", "--workers", 1)
        done = kmn("evaluate", root, "--protocol", "davis2017", *common, *options)
        assert done.exit_code == 0, done.output
        found = json.loads((out / "segmentation.json").read_text())["settings"]
        return found["size"], found["sigma"]

    assert settings("--sequences", "hen") == (32, 2.5)
    assert settings("--sequences", "hen", "--size", 48, "--sigma", 3) == (48, 3.0)
    (root / "ImageSets" / "2017" / "test-dev.txt").write_text("hen\n")
    assert settings("--split", "test-dev") == (40, 2.5)  # a quarter more, the paper's 600 for 480


def test_ablation_runs_with_and_without_the_kernel(
    kmn: Kmn, root: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = kmn(
        "evaluate", root, "--protocol", "davis2017", "--sequences", "hen", "--ablation",
        "--weights", tiny_weights, "--weights", tiny_weights, "-o", out, "--size", 48,
        "--device", "cpu", "--workers", 1,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    rows = json.loads((out / "ablation.json").read_text())["rows"]
    assert [row["read"] for row in rows] == ["kernel", "plain"] * 2
    assert len({row["weights"] for row in rows}) == 2  # of one name, but told apart
    assert (out / "tiny-plain" / "global_results-val.csv").is_file()
    assert "tiny plain" in (out / "report.html").read_text()
