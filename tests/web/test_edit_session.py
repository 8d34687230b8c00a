"""What the page of `kmn edit` asks for, without a browser."""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_server import ask
from typer.testing import Result

from kmn_cli.api import load_network, read_mask
from kmn_cli.errors import KmnError
from kmn_cli.media.masks import write_mask
from kmn_cli.web.edit_session import EditSession
from kmn_cli.web.server import PageServer
from kmn_cli.web.tracker import Tracker

BOX = {"id": 1, "box": [18, 33, 54, 54]}


@pytest.fixture
def edit(frames: Path, tmp_path: Path, tiny_weights: Path) -> Iterator[Callable[..., EditSession]]:
    """Opens the three pictures, or their results."""
    opened: list[EditSession] = []

    def open_session(path: Path | None = frames, **rest: Any) -> EditSession:
        tracker = Tracker(lambda precision: load_network(tiny_weights, "cpu", precision))
        opened.append(EditSession(path, tmp_path / "out", tracker, **rest))
        return opened[-1]

    yield open_session
    for session in opened:
        session.close()


def post(session: EditSession, name: str, said: Any) -> Any:
    answer = session.post(name, json.dumps(said).encode())
    assert answer is not None
    return json.loads(answer.body) if answer.kind == "application/json" else answer.body


def get(session: EditSession, name: str, number: int | None = None) -> Any:
    answer = session.get(name, number, None)
    assert answer is not None
    return json.loads(answer.body) if answer.kind == "application/json" else answer.body


def draw(session: EditSession, frame: int, *objects: Any, base: int | None = None) -> None:
    post(session, "mask", {"frame": frame, "base": base, "objects": list(objects)})


def track(session: EditSession, **order: Any) -> dict[str, Any]:
    post(session, "track", {"direction": "both", **order})
    while (status := get(session, "status"))["running"]:
        time.sleep(0.02)
    assert isinstance(status, dict)
    return status


def test_what_is_drawn_is_on_disk_at_once(edit: Callable[..., EditSession], tmp_path: Path) -> None:
    session = edit()
    draw(session, 1, BOX)
    given = tmp_path / "out/shot/edit/given/00001.png"
    assert read_mask(given).ids == (1,)
    again = edit()
    assert get(again, "survey")["given"] == [1]
    assert get(again, "info")["drawings"]["1"]["objects"] == [BOX]
    draw(again, 1)
    assert not given.exists()


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


def rub_out(*ids: int) -> list[dict[str, Any]]:
    """What the page sends for objects all of which is erased."""
    area = {"area": True, "erase": True, "points": [[0, 0], [90, 0], [90, 160], [0, 160]]}
    return [{"id": i, "strokes": [area]} for i in ids]


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


def test_a_folder_is_of_one_video(
    edit: Callable[..., EditSession],
    frames: Path,
    tmp_path: Path,
    refuses: Any,
) -> None:
    """Cameras give the same names on every card; a video may also be replaced by another."""
    other = tmp_path / "other/shot"
    shutil.copytree(frames, other)
    draw(edit(), 0, BOX)
    with refuses("belongs to", str(frames), str(other)):
        edit(other)  # only drawn upon
    assert track(edit())["state"] == "done"
    (tmp_path / "out/shot/edit/edit.json").unlink()
    with refuses("belongs to", str(frames), str(other)):
        edit(other)  # only tracked
    (frames / "00003.png").write_bytes((frames / "00002.png").read_bytes())
    with refuses("belongs to another", str(frames)):
        edit()


def test_a_folder_opens_from_anywhere(
    edit: Callable[..., EditSession],
    frames: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(frames.parent)
    draw(edit(Path(frames.name)), 1, BOX)
    monkeypatch.chdir(frames)
    assert get(edit(tmp_path / "out/shot"), "survey")["given"] == [1]


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


def colours(session: EditSession, frame: int) -> np.ndarray:
    """The ids that the page shows."""
    return np.asarray(Image.open(io.BytesIO(get(session, "labels", frame))))


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


def test_exporting_takes_names_and_objects(
    edit: Callable[..., EditSession], tmp_path: Path
) -> None:
    session = edit()
    draw(session, 0, BOX)
    post(session, "names", {"1": "ball"})
    with pytest.raises(KmnError, match="no masks"):
        post(session, "export", {"format": "coco"})
    track(session)
    post(session, "export", {"format": "coco", "objects": [1]})
    while (status := get(session, "status")["export"])["state"] == "writing":
        time.sleep(0.02)
    assert status["state"] == "done", status
    coco = json.loads((tmp_path / "out/shot/export/coco.json").read_text())
    assert [each["name"] for each in coco["categories"]] == ["ball"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("track", {"direction": "up"}),
        ("track", {}),
        ("track", {"direction": "both", "until": -1}),
        ("track", {"direction": "both", "until": "1"}),
        ("names", {"0": "x"}),
        ("names", {"1": "a:b"}),
        ("names", []),
        ("export", {"format": "../x"}),
        ("export", {"format": "coco", "every": 0}),
        ("forget", {"frame": 1.5}),
        ("forget", {"frame": 10**6}),
        ("open", {"name": "../.."}),
        ("mask", {"frame": 0, "base": -1, "objects": []}),
        ("mask", {"frame": 0, "base": 77, "objects": [BOX]}),
    ],
)
def test_nonsense_is_told_so(
    edit: Callable[..., EditSession], tmp_path: Path, name: str, said: Any
) -> None:
    session = edit()
    with pytest.raises(KmnError):
        post(session, name, said)
    assert not list((tmp_path / "out").rglob("*.png"))


def test_only_what_is_offered_can_be_chosen(
    edit: Callable[..., EditSession], frames: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").touch()
    session = edit(None, here=tmp_path)
    info = get(session, "info")
    assert (info["mode"], info["choices"]) == ("choose", ["shot"])
    for name in ("notes.txt", "../x", str(frames)):
        with pytest.raises(KmnError):
            post(session, "open", {"name": name})
    with pytest.raises(KmnError, match="No video"):
        get(session, "frame", 0)
    post(session, "open", {"name": "shot"})
    assert get(session, "info")["frames"] == 3


def test_the_command_ends_with_the_page_and_says_where_all_is(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kmn: Callable[..., Result]
) -> None:
    def person(address: str) -> None:
        import urllib.request

        def act() -> None:
            data = json.dumps({"frame": 0, "base": None, "objects": [BOX]}).encode()
            urllib.request.urlopen(urllib.request.Request(f"{address}mask", data)).close()
            urllib.request.urlopen(urllib.request.Request(f"{address}end", b"{}")).close()

        threading.Thread(target=act, daemon=True).start()

    monkeypatch.setattr("webbrowser.open", person)
    done = kmn("edit", frames, "-o", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {
        "output": str(tmp_path / "out/shot"),
        "frames": 0,
        "given": [0],
    }
    missing = kmn("edit", tmp_path / "nothing.mp4")
    assert missing.exit_code == 3 and "no" in missing.stderr


def test_the_server_hands_out_nothing_else(edit: Callable[..., EditSession]) -> None:
    with PageServer(edit()) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        for path in (
            "labels",
            "labels/x",
            "survey/1/2/3",
            "edit.json",
            "given/0",
            "frame/0/../../x",
        ):
            assert ask(server, path)[0] in (403, 404), path
        assert ask(server, "labels/99")[0] == 422
        assert ask(server, "survey/0")[0] == 200
        server.shutdown()
        thread.join()
