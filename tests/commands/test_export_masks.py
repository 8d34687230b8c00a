"""`kmn export-masks` as it is typed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn_data import draw_disc
from PIL import Image
from typer.testing import Result

from kmn_cli.media.masks import write_mask

Kmn = Callable[..., Result]
FORMATS = {
    "binary": "binary/2/00003.png",
    "rgba": "rgba/00003.png",
    "overlay": "overlay.mp4",
    "alpha": "alpha.mov",
    "alpha-webm": "alpha.webm",
    "green-screen": "green-screen.mp4",
    "cvat": "cvat.zip",
    "npz": "masks.npz",
    "contact-sheet": "contact-sheet.jpg",
    "coco": "../coco.json",
    "yolo": "../yolo/data.yaml",
    "davis-zip": "../davis.zip",
    "youtube-vos-zip": "../youtube-vos.zip",
}


@pytest.fixture
def result(tmp_path: Path, movie: Path) -> Path:
    """Results of the movie: objects 1 and 2 in ten frames."""
    folder = tmp_path / "kmn-out" / "cat"
    for index in range(10):
        labels = draw_disc((48, 64), (20, 15 + index), 10).astype(np.uint8)
        labels[draw_disc((48, 64), (30, 50 - index), 8)] = 2
        write_mask(folder / "masks" / f"{index:05d}.png", labels)
    document = {"input": str(movie), "object_ids": [1, 2], "frames": 10}
    (folder / "result.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_from_a_result_folder(
    kmn: Kmn, result: Path, tmp_path: Path, name: str
) -> None:
    run = kmn("export-masks", result, "--to", name, "-o", tmp_path / "x", "--json")
    assert run.exit_code == 0, run.output
    assert (tmp_path / "x" / "cat" / FORMATS[name]).resolve().is_file()
    (output,) = json.loads(run.stdout)["outputs"]
    assert Path(output["output"]).exists()
    assert output["videos"] == [{"name": "cat", "frames": 10, "object_ids": [1, 2]}]
    again = kmn("export-masks", result, "--to", name, "-o", tmp_path / "x")
    assert again.exit_code == 2 and "--overwrite" in again.stderr
    redone = kmn("export-masks", result, "--to", name, "-o", tmp_path / "x", "--overwrite")
    assert redone.exit_code == 0


def test_objects_names_and_every(kmn: Kmn, result: Path, tmp_path: Path) -> None:
    options = ("--objects", "2", "--names", "2=dog,7=cow", "--every", 3, "-o", tmp_path / "a.json")
    run = kmn("export-masks", result, "--to", "coco", *options)
    assert run.exit_code == 0, run.output
    assert "there is no object 7" in run.stderr
    document = json.loads((tmp_path / "a.json").read_text())
    assert [c["name"] for c in document["categories"]] == ["dog"]
    assert [i["frame_id"] for i in document["images"]] == [0, 3, 6, 9]
    assert len(document["annotations"]) == 4


def test_o_may_name_the_file(kmn: Kmn, result: Path, tmp_path: Path) -> None:
    for name in ("matte.mov", "matte.webm"):
        assert kmn("export-masks", result, "--to", "alpha", "-o", tmp_path / name).exit_code == 0
        assert (tmp_path / name).is_file()
    run = kmn("export-masks", result, "--to", "alpha", "-o", tmp_path / "matte.mp4")
    assert run.exit_code == 2 and "makes .mov or .webm files" in run.stderr


def test_images_are_written_when_asked_for(kmn: Kmn, result: Path, tmp_path: Path) -> None:
    pictures = {"coco": "images/cat/00003.jpg", "yolo": "yolo/images/cat_00003.jpg"}
    for name, picture in pictures.items():
        run = kmn("export-masks", result, "--to", name, "--images", "-o", tmp_path / "x")
        assert run.exit_code == 0, run.output
        assert Image.open(tmp_path / "x" / picture).size == (64, 48)
    run = kmn("export-masks", result, "--to", "npz", "--images", "-o", tmp_path / "x")
    assert run.exit_code == 2 and "--images" in run.stderr


def test_the_output_is_the_same_with_and_without_images(
    kmn: Kmn, result: Path, tmp_path: Path
) -> None:
    for name, file in (("x", "x/coco.json"), ("y/a.json", "y/a.json")):
        options = ("--to", "coco", "-o", tmp_path / name)
        assert kmn("export-masks", result, *options).exit_code == 0
        alone = json.loads((tmp_path / file).read_text())
        assert kmn("export-masks", result, *options, "--images", "--overwrite").exit_code == 0
        assert json.loads((tmp_path / file).read_text()) == alone
        assert (tmp_path / file).with_name("images").is_dir()
        assert kmn("export-masks", result, *options, "--images").exit_code == 2


def test_one_video_names_its_own_objects(kmn: Kmn, result: Path, tmp_path: Path) -> None:
    table = tmp_path / "names.csv"
    table.write_text("video,id,name\ncat,1,tabby\n,1,thing\n")
    for names in ("1=thing,cat:1=tabby,dog:1=rex", table):
        options = ("--to", "coco", "-o", tmp_path / "a.json", "--overwrite")
        run = kmn("export-masks", result, *options, "--names", names)
        assert run.exit_code == 0, run.output
        categories = json.loads((tmp_path / "a.json").read_text())["categories"]
        assert [category["name"] for category in categories] == ["tabby", "object_2"]
        assert ("no object dog:1" in run.stderr) is (names is not table)
    table.write_text("id;name\n1;tabby\n")
    run = kmn("export-masks", result, "--to", "coco", "--names", table, "-o", tmp_path / "b.json")
    assert run.exit_code == 3 and "columns" in run.stderr


def test_many_results_with_their_sources(
    kmn: Kmn, result: Path, tmp_path: Path, movie: Path
) -> None:
    (result / "result.json").unlink()  # as from another tool
    other = tmp_path / "kmn-out" / "dog"
    (result.parent / "dog").mkdir()
    write_mask(other / "00000.png", np.ones((48, 64), np.uint8))
    run = kmn("export-masks", result.parent, "--to", "rgba", "-o", tmp_path / "x")
    assert run.exit_code == 6 and "needs the frames" in run.stderr
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("cat", "dog"):
        (videos / f"{name}.mp4").write_bytes(movie.read_bytes())
    options = ("--to", "rgba", "--video", videos, "-o", tmp_path / "x")
    assert kmn("export-masks", result.parent, *options).exit_code == 0
    assert len(list((tmp_path / "x" / "cat" / "rgba").iterdir())) == 10
    assert len(list((tmp_path / "x" / "dog" / "rgba").iterdir())) == 1
    (videos / "dog.mp4").unlink()
    run = kmn("export-masks", result.parent, *options, "--overwrite")
    assert run.exit_code == 3 and "no video called dog" in run.stderr


def test_one_that_fails_does_not_stop_the_others(kmn: Kmn, result: Path, tmp_path: Path) -> None:
    bad = tmp_path / "kmn-out" / "bad"
    (bad / "masks").mkdir(parents=True)
    (bad / "masks" / "00000.png").write_bytes(b"no picture")
    run = kmn("export-masks", result.parent, "--to", "npz", "-o", tmp_path / "x", "--json")
    assert run.exit_code == 6
    document = json.loads(run.stdout)
    assert [failed["name"] for failed in document["failed"]] == ["bad"]
    assert [output["videos"][0]["name"] for output in document["outputs"]] == ["cat"]
    assert (tmp_path / "x" / "cat" / "masks.npz").is_file()
    run = kmn("export-masks", result.parent, "--to", "coco", "-o", tmp_path / "x")
    assert run.exit_code == 3 and not (tmp_path / "x" / "coco.json").exists()


def test_a_submission_is_checked_against_the_data_set(
    kmn: Kmn, result: Path, tmp_path: Path
) -> None:
    root = tmp_path / "DAVIS"
    for index in range(10):
        source = (result / "masks" / f"{index:05d}.png").read_bytes()
        target = root / "Annotations" / "480p" / "cat" / f"{index:05d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source)
    options = ("--to", "davis-zip", "--dataset", root, "-o", tmp_path / "s.zip")
    assert kmn("export-masks", result.parent, *options).exit_code == 0
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        assert len(archive.namelist()) == 10
    (result / "masks" / "00009.png").unlink()
    run = kmn("export-masks", result.parent, *options, "--overwrite")
    assert run.exit_code == 3 and "1 of 10 masks missing: 00009.png" in run.stderr
    run = kmn("export-masks", result.parent, *options, "--overwrite", "--every", 2)
    assert run.exit_code == 2 and "--dataset" in run.stderr
    run = kmn("export-masks", result.parent, "--to", "npz", "--dataset", root)
    assert run.exit_code == 2


def test_a_run_that_has_not_ended_is_not_taken_for_whole(
    kmn: Kmn, draw: Callable[..., Path], tiny_weights: Path, tmp_path: Path
) -> None:
    frames, out = tmp_path / "cow", tmp_path / "out"
    frames.mkdir()
    for index in range(4):
        Image.new("RGB", (64, 48), (index, 90, 90)).save(frames / f"{index:05d}.jpg")
    whole = (frames / "00003.jpg").read_bytes()
    (frames / "00003.jpg").write_bytes(b"no picture")
    options = ("--weights", tiny_weights, "--device", "cpu", "-o", out)
    segment = ("segment", frames, "--mask", draw("m.png", 1), *options)
    assert kmn(*segment).exit_code == 3
    zips = [("export-masks", out, "--to", f"{name}-zip") for name in ("davis", "youtube-vos")]
    for export in zips:
        run = kmn(*export, "-o", tmp_path / "s.zip")
        assert (
            run.exit_code == 3 and "cow: the run that makes its masks has not ended" in run.stderr
        )
    for name in ("coco", "yolo", "cvat", "npz", "binary"):
        run = kmn("export-masks", out, "--to", name, "-o", tmp_path / "x")
        assert run.exit_code == 0 and "has not ended; these are the 3" in run.stderr
    (frames / "00003.jpg").write_bytes(whole)
    assert kmn(*segment).exit_code == 0
    for export in zips:
        run = kmn(*export, "-o", tmp_path / "s.zip", "--overwrite")
        assert run.exit_code == 0 and "has not ended" not in run.stderr
    (frames / "00000.jpg").write_bytes(b"no picture")
    assert kmn(*segment, "-o", tmp_path / "none").exit_code == 3
    assert not (tmp_path / "none").exists()  # nothing to export, nothing to mark


@pytest.mark.parametrize(
    "options",
    [("--objects", "one"), ("--names", "dog"), ("--names", "1=a:b"), ("--objects", "0")],
)
def test_options_that_cannot_be_read(kmn: Kmn, result: Path, options: tuple[str, str]) -> None:
    run = kmn("export-masks", result, "--to", "npz", *options)
    assert run.exit_code == 2 and options[1] in run.stderr


def test_a_folder_without_masks(kmn: Kmn, tmp_path: Path) -> None:
    run = kmn("export-masks", tmp_path, "--to", "npz")
    assert run.exit_code == 3 and "no masks here" in run.stderr
