"""`kmn init-mask` as it is typed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn_data import draw_disc, draw_frame
from PIL import Image
from typer.testing import Result

from kmn_cli.media.labels import read_mask

Kmn = Callable[..., Result]
DISC = draw_disc((96, 128), (48, 40), 25)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Three pictures of a disc that moves to the right."""
    folder = tmp_path / "shot"
    folder.mkdir()
    for index in range(3):
        mask = draw_disc((96, 128), (48, 40 + 15 * index), 25)
        Image.fromarray(draw_frame(mask, index)).save(folder / f"{10 * index:05d}.png")
    return folder


def test_a_box_and_a_polygon(kmn: Kmn, frames: Path, tmp_path: Path) -> None:
    mask = tmp_path / "m.png"
    prompts = ("--box", "14,22,53,53", "--polygon", "100,10 120,10 120,30 100,30")
    run = kmn("init-mask", frames, *prompts, "-o", mask, "--json")
    assert run.exit_code == 0, run.output
    labels = read_mask(mask, (128, 96)).labels
    assert Image.open(mask).mode == "P"
    assert ((labels == 1) & DISC).sum() / ((labels == 1) | DISC).sum() > 0.95
    assert (labels == 2).sum() == 21 * 21
    document = json.loads(run.stdout)
    assert [each["id"] for each in document["objects"]] == [1, 2]
    assert document["objects"][1] == {"id": 2, "pixels": 441, "box": [100, 10, 21, 21]}
    assert shlex.split(document["command"]) == ["kmn", "segment", str(frames), "--mask", str(mask)]
    with Image.open(document["preview"]) as preview:
        assert preview.size == (128, 96) and preview.mode == "RGB"


def test_the_command_it_names_segments_from_that_frame(
    kmn: Kmn, frames: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    options = ("--frame", "00020", "--box", "44,22,53,53", "-o", tmp_path / "m.png", "--json")
    run = kmn("init-mask", frames, *options)
    assert run.exit_code == 0, run.output
    command = shlex.split(json.loads(run.stdout)["command"])
    assert command[3:] == ["--mask", f"00020={tmp_path / 'm.png'}"]
    out = tmp_path / "out"
    options = ("--direction", "forward", "--device", "cpu")
    done = kmn(*command[1:], "--weights", tiny_weights, "-o", out, *options)
    assert done.exit_code == 0, done.output
    masks = [read_mask(p, allow_empty=True).labels for p in sorted(out.glob("shot/masks/*.png"))]
    assert [bool(mask.any()) for mask in masks] == [False, False, True]


def test_frames_of_a_video_are_counted(kmn: Kmn, movie: Path, tmp_path: Path) -> None:
    options = ("--frame", "4", "--box", "8,8,30,30", "-o", tmp_path / "m.png", "--json")
    run = kmn("init-mask", movie, *options)
    assert run.exit_code == 0, run.output
    assert f"4={tmp_path / 'm.png'}" in json.loads(run.stdout)["command"]
    run = kmn("init-mask", movie, "--frame", "40", "--box", "8,8,30,30", "-o", tmp_path / "n.png")
    assert run.exit_code == 3 and "40" in run.stderr
    assert not (tmp_path / "n.png").exists()


def test_labelme_adds_objects_with_names(kmn: Kmn, frames: Path, tmp_path: Path) -> None:
    shape = {"label": "cup", "points": [[90, 10], [110, 10], [100, 40]], "shape_type": "polygon"}
    (tmp_path / "l.json").write_text(json.dumps({"shapes": [shape]}))
    prompts = ("--box", "14,22,53,53", "--from-labelme", tmp_path / "l.json")
    run = kmn("init-mask", frames, *prompts, "-o", tmp_path / "m.png", "--json")
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["objects"][1]["name"] == "cup"


def test_a_mask_is_not_replaced_unasked(kmn: Kmn, frames: Path, tmp_path: Path) -> None:
    mask = tmp_path / "m.png"
    mask.write_bytes(b"drawn by hand")
    command = ("init-mask", frames, "--box", "14,22,53,53", "-o", mask)
    run = kmn(*command)
    assert run.exit_code == 2 and "--overwrite" in run.stderr
    assert mask.read_bytes() == b"drawn by hand"
    assert kmn(*command, "--overwrite").exit_code == 0
    assert np.asarray(Image.open(mask)).any()


@pytest.mark.parametrize(
    ("options", "exit_code", "words"),
    [
        ((), 2, "Nothing is marked"),
        (("--box", "1,2,3"), 2, "x,y,width,height"),
        (("--box", "500,2,30,30"), 3, "the frame is 128x96"),
        (("--web", "--box", "1,2,3,4"), 2, "--web starts with an empty page"),
        (("--box", "14,22,53,53", "-o", "m.jpg"), 2, "a mask is a PNG"),
        (("--frame", "x", "--box", "14,22,53,53"), 3, "'x' is not a frame of"),
        (("--from-labelme", "/nowhere.json"), 3, "cannot be read as a file of labelme"),
        (("--box", "10,10,5,5", "--polygon", "0,0 60,0 60,60 0,60"), 3, "Object 1 has no pixel"),
    ],
)
def test_what_is_refused(
    kmn: Kmn,
    frames: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    exit_code: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = kmn("init-mask", frames, *options)
    assert run.exit_code == exit_code and words in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["shot"]


def test_segment_takes_the_same_prompts(kmn: Kmn, frames: Path, tmp_path: Path) -> None:
    prompts = ("--box", "44,22,53,53", "--points", "70,48")
    assert (
        kmn("init-mask", frames, "--frame", 20, *prompts, "-o", tmp_path / "m.png").exit_code == 0
    )
    segment = ("segment", frames, "--start", "2f", "--device", "cpu")  # the same weights, too
    run = kmn(*segment, *prompts, "-o", tmp_path / "out")
    assert run.exit_code == 0, run.output
    results = tmp_path / "out/shot"
    assert (results / "first-mask.png").read_bytes() == (tmp_path / "m.png").read_bytes()
    assert (results / "first-mask-preview.png").is_file()
    assert [path.name for path in (results / "masks").iterdir()] == ["00020.png"]
    again = kmn(*segment, *prompts, "-o", tmp_path / "out", "--json")
    assert again.exit_code == 0 and "already" in again.stderr

    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    refused = kmn(*segment, "--box", "40,20,50,50", "-o", tmp_path / "out")
    assert refused.exit_code == 2 and "--overwrite" in refused.stderr, refused.output
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == before
    assert (
        kmn(*segment, "--box", "40,20,50,50", "-o", tmp_path / "out", "--overwrite").exit_code == 0
    )


@pytest.mark.parametrize("there", ["m.png", "m-preview.png"])
def test_nothing_is_replaced_unasked(kmn: Kmn, frames: Path, tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    command = ("init-mask", frames, "--box", "14,22,53,53", "-o", tmp_path / "m.png")
    run = kmn(*command)
    assert run.exit_code == 2 and f"{there} exists" in run.stderr
    assert (tmp_path / there).read_text() == "mine"
    assert kmn(*command, "--overwrite").exit_code == 0


def test_results_of_a_mask_keep_to_themselves(
    kmn: Kmn, frames: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    results = tmp_path / "out/shot"
    results.mkdir(parents=True)
    (results / "result.json").write_text("{}")
    command = ("segment", frames, "--box", "14,22,53,53", "--weights", tiny_weights)
    assert kmn(*command, "-o", tmp_path / "out").exit_code == 2
    assert [path.name for path in results.iterdir()] == ["result.json"]


@pytest.mark.parametrize("more", [("--mask", "m.png"), ("other",)])
def test_segment_takes_prompts_of_one_video_only(
    kmn: Kmn, frames: Path, movie: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    if more == ("other",):
        more = (str(movie),)
    run = kmn("segment", frames, *more, "--box", "1,2,3,4", "-o", tmp_path / "out")
    assert run.exit_code == 2 and "kmn init-mask" in run.stderr
    assert not (tmp_path / "out").exists()
