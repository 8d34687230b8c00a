"""Results that are made, taken up and corrected on the page of `kmn edit`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asked import BOX, colours, draw, get, post, rub_out, track
from PIL import Image

from kmn_cli.api import load_network, read_mask
from kmn_cli.errors import KmnError
from kmn_cli.media.masks import write_mask
from kmn_cli.web.edit_session import EditSession
from kmn_cli.web.tracker import Tracker


def test_tracking_gives_the_results_of_segment(
    edit: Callable[..., EditSession], frames: Path, tmp_path: Path, tiny_weights: Path, kmn: Any
) -> None:
    session = edit()
    with pytest.raises(KmnError, match="No object"):
        post(session, "track", {"direction": "both"})
    draw(session, 1, BOX)
    assert track(session)["state"] == "done"
    command = ["segment", frames, "--mask", tmp_path / "out/shot/edit/given"]
    command += ["--weights", tiny_weights, "--device", "cpu", "-o", tmp_path / "typed"]
    assert kmn(*command).exit_code == 0
    for path in (tmp_path / "typed/shot/masks").iterdir():
        assert path.read_bytes() == (tmp_path / "out/shot/masks" / path.name).read_bytes()
    survey = get(session, "survey")
    assert sorted(map(int, survey["frames"])) == [0, 1, 2] and survey["stale"] == []
    assert 0 < survey["frames"]["1"]["area"]["1"] < 0.3
    draw(
        session,
        1,
        {"id": 1, "strokes": [{"points": [[5, 5]], "radius": 4, "erase": False}]},
        base=1,
    )
    assert get(session, "survey", survey["revision"])["stale"] != []


@pytest.mark.parametrize("how", [(), ("--size", 64, "--view", "0,20,90,120")])
def test_results_of_segment_are_taken_up(
    edit: Callable[..., EditSession],
    frames: Path,
    tmp_path: Path,
    tiny_weights: Path,
    kmn: Any,
    how: tuple[object, ...],
) -> None:
    labels = np.zeros((160, 90), np.uint8)
    labels[35:85, 20:70] = 3
    Image.fromarray(labels).save(tmp_path / "m.png")
    Image.fromarray(np.where(labels, np.uint8(7), np.uint8(0))[::-1]).save(tmp_path / "n.png")
    command = ["segment", frames, "--mask", f"0={tmp_path / 'm.png'}", "--weights", tiny_weights]
    command += ["--mask", f"1={tmp_path / 'n.png'}", "--device", "cpu", "-o", tmp_path / "results"]
    assert kmn(*command, *how).exit_code == 0
    session = edit(tmp_path / "results/shot")
    survey = get(session, "survey")
    assert survey["given"] == [0, 1] and survey["stale"] == []
    for index, name in enumerate("mn"):  # what was found beside them is not given
        given = read_mask(tmp_path / f"results/shot/edit/given/{index:05d}.png")
        assert (given.labels == np.asarray(Image.open(tmp_path / f"{name}.png"))).all()
    stroke = {"points": [[10, 150]], "radius": 5, "erase": False}
    draw(session, 1, {"id": 7, "strokes": [stroke]}, base=1)
    draw(session, 1, base=1)  # taken back
    assert get(session, "survey")["stale"] == []
    draw(session, 2, {"id": 3, "strokes": [stroke]}, base=2)
    assert track(session)["state"] == "done"  # by the options that the results were made with
    result = json.loads((tmp_path / "results/shot/result.json").read_text())
    assert len(result["mask_contents"]) == 3 and result["object_ids"] == [3, 7]


def test_results_are_corrected_as_they_were_made(
    edit: Callable[..., EditSession],
    frames: Path,
    tmp_path: Path,
    tiny_weights: Path,
    kmn: Any,
    refuses: Any,
) -> None:
    """Their part of the video, their rate, their precision, and all of their formats."""
    mask = np.zeros((160, 90), np.uint8)
    mask[55:105, 20:70] = 1
    Image.fromarray(mask).save(tmp_path / "m.png")
    command = ["segment", frames, "--mask", f"1={tmp_path / 'm.png'}", "--start", "1f", "--fps", 12]
    command += ["--precision", "bf16", "--format", "masks,overlay,soft,cutout,alpha"]
    command += ["--weights", tiny_weights, "--device", "cpu", "-o", tmp_path / "results"]
    assert kmn(*command).exit_code == 0
    folder = tmp_path / "results/shot"
    before = json.loads((folder / "result.json").read_text())
    session = edit(folder)
    assert get(session, "info")["fps"] == 12
    with refuses("Frame 0", "1 to 2"):
        draw(session, 0, BOX)
    old = (folder / "soft/1/00002.png").read_bytes()
    draw(session, 2, {"id": 1, "box": [5, 100, 30, 40]})
    assert track(session)["state"] == "done", get(session, "status")
    after = json.loads((folder / "result.json").read_text())
    for name in ("start", "end", "fps", "precision", "size"):
        assert after["settings"].get(name) == before["settings"].get(name), name
    assert len(after["mask_contents"]) == 2 and after["source_fps"] == 12
    assert after["outputs"] == before["outputs"]
    assert all((folder / path).exists() for path in after["outputs"].values())
    assert (folder / "soft/1/00002.png").read_bytes() != old


def test_an_option_that_the_results_were_not_made_with_is_told_so(
    edit: Callable[..., EditSession], tmp_path: Path, tiny_weights: Path
) -> None:
    first = edit()
    draw(first, 0, BOX)
    draw(first, 2, BOX)
    track(first)
    tracker = Tracker(lambda precision: load_network(tiny_weights, "cpu", precision), size=64)
    again = EditSession(tmp_path / "out/shot", tmp_path / "out", tracker)
    draw(again, 2, {"id": 1, "box": [20, 80, 40, 40]})
    status = track(again)
    assert status["state"] == "failed" and "size was" in status["error"]
    assert "--size" in status["hint"] and "--overwrite" not in status["hint"]


def test_an_erased_object_is_gone_from_there_on(
    edit: Callable[..., EditSession], tmp_path: Path
) -> None:
    """From the page, from the results, and from what `kmn segment` makes of the given masks."""
    session, folder = edit(), tmp_path / "out/shot"
    ground = {"area": True, "erase": False, "points": [[0, 0], [90, 0], [90, 20], [0, 20]]}
    draw(session, 0, BOX, {"id": 2, "strokes": [ground]})
    track(session)

    def made(frame: int) -> np.ndarray:
        return read_mask(folder / f"masks/{frame:05d}.png", allow_empty=True).labels

    kept = made(0)
    draw(session, 1, *rub_out(2), base=1)
    assert not (colours(session, 1) == 2).any()
    assert track(session)["state"] == "done"
    assert (made(0) == kept).all()
    for frame in (1, 2):
        assert not (made(frame) == 2).any() and (made(frame) == 1).any()
        assert (colours(session, frame) == made(frame)).all()
    assert get(session, "survey")["stale"] == []
    draw(session, 1, *rub_out(1, 2), base=1)  # of all objects nothing is left
    assert get(session, "survey")["given"] == [0, 1]
    assert track(session)["state"] == "done"
    assert not made(1).any() and not made(2).any() and not colours(session, 1).any()
    shutil.rmtree(folder / "edit")
    again = edit(folder)  # the results know it, too
    assert get(again, "survey")["given"] == [0, 1] and get(again, "survey")["stale"] == []
    draw(again, 1, base=1)
    assert get(again, "survey")["stale"] == []
    draw(session, 1)  # taken back
    track(session)
    assert (made(1) == 2).any()


def test_a_preview_leaves_the_results_alone(
    edit: Callable[..., EditSession], tmp_path: Path
) -> None:
    session = edit()
    draw(session, 0, BOX)
    assert track(session, preview=True)["state"] == "done"
    assert not (tmp_path / "out/shot/masks").exists()
    assert sorted(map(int, get(session, "survey")["frames"])) == [0, 1, 2]
    shown = get(session, "labels", 2)
    assert track(session, until=1)["state"] in ("stopped", "done")
    assert get(session, "labels", 2) and shown


def test_the_page_shows_results_where_they_hold_and_a_preview_elsewhere(
    edit: Callable[..., EditSession], tmp_path: Path
) -> None:
    session, made = edit(), tmp_path / "out/shot/masks/00002.png"
    draw(session, 0, BOX)
    track(session)
    area = get(session, "survey")["frames"]["2"]["area"]
    assert track(session, preview=True)["state"] == "done"
    preview = tmp_path / "out/shot/edit/preview/masks/00002.png"
    other = np.asarray(Image.open(preview)).copy()
    other[:30, :30] = 1  # a tiny network makes a preview that is too much like the result
    write_mask(preview, other)
    assert (colours(session, 2) == np.asarray(Image.open(made))).all()
    assert get(session, "survey")["frames"]["2"]["area"] == area
    draw(session, 1, {"id": 2, "box": [20, 80, 40, 40]})
    assert (colours(session, 2) == other).all()  # the result does not follow from that
    assert track(session)["state"] == "done"
    assert (colours(session, 2) == np.asarray(Image.open(made))).all()
    # Object 1 was followed to where only object 2 was marked, and is exported there.
    assert (colours(session, 1) == np.asarray(Image.open(made.with_name("00001.png")))).all()


def test_the_only_mask_can_be_corrected(edit: Callable[..., EditSession], tmp_path: Path) -> None:
    session = edit()
    draw(session, 1, BOX)
    track(session)
    draw(session, 1, {"id": 1, "box": [10, 60, 70, 60]})
    assert track(session)["state"] == "done"
    given = read_mask(tmp_path / "out/shot/edit/given/00001.png").labels
    assert (read_mask(tmp_path / "out/shot/masks/00001.png").labels == given).all()
    assert get(session, "survey")["stale"] == []
