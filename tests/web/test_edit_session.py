"""What the page of `kmn edit` asks for, without a browser."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asked import BOX, draw, get, post, track
from test_server import ask
from typer.testing import Result

from kmn_cli.api import read_mask
from kmn_cli.errors import KmnError
from kmn_cli.web.edit_session import EditSession
from kmn_cli.web.server import PageServer


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
