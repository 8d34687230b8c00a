from __future__ import annotations

import itertools
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from published import youtube_vos
from typer.testing import Result

Kmn = Callable[..., Result]


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
