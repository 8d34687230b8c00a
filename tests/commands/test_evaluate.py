from __future__ import annotations

import itertools
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from published import youtube_vos
from typer.testing import Result

from kmn_cli.locks import FileLock

Kmn = Callable[..., Result]


def _clip(frames: int, shift: int = 0) -> list[np.ndarray]:
    clip = []
    for t in range(frames):
        labels = np.zeros((48, 64), np.uint8)
        labels[10:30, 5 + t + shift : 25 + t + shift] = 1
        clip.append(labels)
    return clip


def _save(folder: Path, clip: list[np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for t, labels in enumerate(clip):
        image = Image.fromarray(labels, "P")
        image.putpalette([0, 0, 0, 128, 0, 0])
        image.save(folder / f"{t:05d}.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A DAVIS root with two sequences."""
    root = tmp_path / "DAVIS"
    for name in ("cow", "hen"):
        _save(root / "Annotations" / "480p" / name, _clip(5))
        folder = root / "JPEGImages" / "480p" / name
        folder.mkdir(parents=True)
        for t, labels in enumerate(_clip(5)):
            Image.fromarray(labels * 150 + 50).convert("RGB").save(folder / f"{t:05d}.jpg")
    for year in ("2016", "2017"):
        (root / "ImageSets" / year).mkdir(parents=True)
        (root / "ImageSets" / year / "val.txt").write_text("hen\ncow\n")
    return root


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Perfect results of one sequence, moved ones of the other."""
    _save(tmp_path / "results" / "hen", _clip(5))
    _save(tmp_path / "results" / "cow", _clip(5, shift=6))
    return tmp_path / "results"


def test_scores_existing_results(kmn: Kmn, root: Path, results: Path) -> None:
    before = sorted(results.rglob("*"))
    done = kmn("evaluate", root, "--protocol", "davis2017", "--results", results, "--workers", 1)
    assert done.exit_code == 0, done.output
    for text in ("J&F-Mean", "F-Decay", "hen_1", "cow_1", "1.000"):
        assert text in done.stdout
    assert sorted(results.rglob("*")) == before  # tables and report lie beside the results
    scores = results.with_name("results-scores")
    csv = (scores / "per-sequence_results-val.csv").read_text().splitlines()
    assert csv[1] == "hen_1,1.000,1.000"
    assert csv[2].startswith("cow_1,0.5")
    assert (scores / "global_results-val.csv").read_text().startswith("J&F-Mean,")
    for name in ("scores.json", "report.html", "per_frame.svg"):
        assert (scores / name).stat().st_size > 500


def test_json_is_one_document(kmn: Kmn, root: Path, results: Path, tmp_path: Path) -> None:
    done = kmn(
        "evaluate", root, "--protocol", "davis2016", "--results", results, "--json",
        "-o", tmp_path / "out", "--sequences", "hen", "--workers", 1,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert document["global"]["J&F-Mean"] == 1.0
    assert list(document["sequences"]) == ["hen"]
    assert Path(document["files"]["report"]).is_file()
    assert not (results / "scores.json").exists()


def test_root_and_results_may_lie_alike(kmn: Kmn, results: Path, tmp_path: Path) -> None:
    """Data sets, folders of masks and results of `kmn segment`, of many videos and of one."""
    shutil.copytree(results, tmp_path / "set" / "Annotations" / "480p")
    for name in ("hen", "cow"):
        shutil.copytree(results / name, tmp_path / "segmented" / name / "masks")
    homes = (results, tmp_path / "set", tmp_path / "segmented")
    for root, found in itertools.permutations(homes, 2):
        done = kmn(
            "evaluate", root, "--protocol", "folder", "--results", found, "--workers", 1,
            "-o", tmp_path / "out", "--json",
        )  # fmt: skip
        assert json.loads(done.stdout)["global"]["J&F-Mean"] == 1, done.output
    alone = (results / "hen", tmp_path / "segmented" / "hen", tmp_path / "segmented/hen/masks")
    for root, found in itertools.permutations(alone, 2):
        done = kmn(
            "evaluate", root, "--protocol", "folder", "--results", found, "--workers", 1,
            "-o", tmp_path / "out", "--json",
        )  # fmt: skip
        assert json.loads(done.stdout)["global"]["J&F-Mean"] == 1, done.output


@pytest.mark.parametrize("columns", [80, 200])
def test_the_youtube_vos_table_can_be_read(
    kmn: Kmn, tmp_path: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    root = youtube_vos(tmp_path / "data").root
    done = kmn(
        "evaluate", root, "--protocol", "youtube-vos", "--split", "train", "--workers", 1,
        "--results", root / "train" / "Annotations",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    lines = done.stdout.partition("report:")[0].splitlines()
    assert max(map(len, lines)) <= columns
    heads = [line for line in lines if "G-Mean" in line or "J-Unseen" in line]
    assert len(heads) == (2 if columns == 80 else 1)  # a row for each figure, or one for all
    for name in ("G-Mean", "J-Seen", "F-Seen", "J-Unseen", "F-Unseen", "J&F-Mean", "F-Decay"):
        assert name in done.stdout
    assert not list((root / "train" / "Annotations").glob("*.*"))


def test_compares_two_folders(kmn: Kmn, root: Path, results: Path, tmp_path: Path) -> None:
    done = kmn(
        "evaluate", root, "--protocol", "davis2017", "--results", results, "-o", tmp_path / "out",
        "--compare", root / "Annotations" / "480p", "--workers", 1,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "Where they differ most" in (tmp_path / "out" / "report.html").read_text()
    assert json.loads((tmp_path / "out" / "scores.json").read_text())["compared"]


def test_writes_a_checked_zip(kmn: Kmn, root: Path, results: Path, tmp_path: Path) -> None:
    command = (
        "evaluate", root, "--protocol", "davis2017", "--results", results, "-o", tmp_path / "out",
        "--zip", tmp_path / "s.zip", "--workers", 1,
    )  # fmt: skip
    assert kmn(*command).exit_code == 0
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        assert "hen/00000.png" in archive.namelist()
    (results / "cow" / "00004.png").unlink()
    done = kmn(*command)
    assert done.exit_code == 3
    assert "1 of 5 masks missing: 00004.png" in done.stderr


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


def test_test_dev_gets_a_zip_and_no_scores(
    kmn: Kmn, root: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    (root / "ImageSets" / "2017" / "test-dev.txt").write_text("hen\n")
    for path in sorted((root / "Annotations" / "480p" / "hen").iterdir())[1:]:
        path.unlink()
    done = kmn(
        "evaluate", root, "--protocol", "davis2017", "--split", "test-dev",
        "--weights", tiny_weights, "-o", tmp_path / "out", "--size", 64, "--device", "cpu",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(tmp_path / "out" / "test-dev.zip") as archive:
        assert len(archive.namelist()) == 5
    assert "fps" in done.stderr and "peak memory" in done.stderr
    assert not (tmp_path / "out" / "scores.json").exists()


def test_a_part_of_test_dev_does_not_replace_the_zip_of_the_whole(
    kmn: Kmn, root: Path, results: Path, tmp_path: Path
) -> None:
    (root / "ImageSets" / "2017" / "test-dev.txt").write_text("cow\nhen\n")
    for path in (root / "Annotations" / "480p").rglob("*.png"):
        if path.stem != "00000":
            path.unlink()
    command = (
        "evaluate", root, "--protocol", "davis2017", "--split", "test-dev", "--results", results,
        "-o", tmp_path / "out",
    )  # fmt: skip
    packed = tmp_path / "out" / "test-dev.zip"
    assert kmn(*command).exit_code == 0
    whole = packed.read_bytes()
    part = kmn(*command, "--sequences", "hen")
    assert part.exit_code == 0 and "no zip is written" in part.stderr
    assert packed.read_bytes() == whole
    asked = kmn(*command, "--sequences", "hen", "--zip", tmp_path / "hen.zip")
    assert asked.exit_code == 0 and "some sequences are left out" in asked.stderr
    with zipfile.ZipFile(tmp_path / "hen.zip") as archive:
        assert archive.namelist() == [f"hen/{t:05d}.png" for t in range(5)]
    every = kmn(*command, "--sequences", "hen,cow")
    assert every.exit_code == 0 and str(packed) in every.stdout


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


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--ablation", "--results", "."), 2),
        (("--weights", "a", "--weights", "b"), 2),
        (("--results", ".", "--weights", "a"), 2),
        (("--results", "no-such-folder"), 3),
        (("--results", ".", "--split", "train"), 3),
        (("--results", ".", "--sequences", "ghost"), 3),
        (("--results", ".", "--without", "ghost"), 3),
        (("--results", ".", "--without", "hen,cow"), 3),
        (("--results", "."), 3),
    ],
)
def test_what_cannot_be_done_is_refused(
    kmn: Kmn, root: Path, arguments: tuple[str, ...], code: int
) -> None:
    done = kmn("evaluate", root, "--protocol", "davis2017", *arguments, "--workers", 1)
    assert done.exit_code == code
    assert "error:" in done.stderr and "Traceback" not in done.stderr
