from __future__ import annotations

import http.client
import io
import json
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kmn_cli.batch.first_mask import FirstMask
from kmn_cli.errors import UsageError
from kmn_cli.media.frame_store import FrameStore
from kmn_cli.media.labels import read_mask
from kmn_cli.web.server import STATIC, PageServer, serve
from kmn_cli.web.session import MaskSession

BOX = {"frame": 0, "objects": [{"id": 1, "box": [18, 33, 54, 54]}]}


def ask(
    server: PageServer, path: str, body: Any = None, token: str | None = None, **headers: str
) -> tuple[int, bytes]:
    """Send a request and return status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    address = f"/{server.token if token is None else token}/{path}"
    method = "GET" if body is None else "POST"
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, address, data, names)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_the_page_and_its_frames(server: PageServer) -> None:
    with urllib.request.urlopen(server.address) as answer:
        assert b"<canvas" in answer.read()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
    for name in STATIC:
        with urllib.request.urlopen(server.address + name) as answer:
            assert answer.read() and "charset" in answer.headers["Content-Type"]
    info = json.loads(ask(server, "info")[1])
    assert (info["width"], info["height"], info["frames"]) == (90, 160, 3)
    for path, size in (
        ("frame/2", (90, 160)),
        ("frame/2/80", (45, 80)),
        ("frame/2/999", (90, 160)),
    ):
        status, picture = ask(server, path)
        assert status == 200 and Image.open(io.BytesIO(picture)).size == size


@pytest.mark.parametrize("hint", [{"box": [18, 33, 54, 54]}, {"inside": [[45, 60]]}])
def test_what_a_drawing_shows_is_saved(server: PageServer, tmp_path: Path, hint: Any) -> None:
    drawing = {"frame": 0, "objects": [{"id": 1, **hint}]}
    status, found = ask(server, "mask", drawing)
    assert status == 200
    shown = np.asarray(Image.open(io.BytesIO(found)))
    assert set(np.unique(shown)) == {0, 1}
    assert not (tmp_path / "web.png").exists()
    status, said = ask(server, "save", drawing)
    assert status == 200
    np.testing.assert_array_equal(read_mask(tmp_path / "web.png").labels, shown)
    assert json.loads(said)["command"].startswith("kmn segment ")
    assert (tmp_path / "web-preview.png").is_file()


def test_strokes_do_not_look_for_edges_again(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(server, "mask", BOX)
    monkeypatch.setattr("kmn_cli.media.edges.find_edges", None)
    stroke = {"points": [[5, 5], [20, 5]], "radius": 3, "erase": False}
    drawing = {"frame": 0, "objects": [{**BOX["objects"][0], "strokes": [stroke]}]}  # type: ignore[index]
    status, found = ask(server, "mask", drawing)
    assert status == 200 and np.asarray(Image.open(io.BytesIO(found)))[5, 10] == 1


@pytest.mark.parametrize("path", ["", "info", "frame/0"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "guess"},
        {"token": ""},
        {"token": "%E2%98%83"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
def test_others_are_refused(server: PageServer, path: str, wrong: dict[str, str]) -> None:
    status, body = ask(server, path, None, **wrong)
    assert (status, json.loads(body)) == (403, {"error": "Refused."})


@pytest.mark.parametrize("wrong", [{"Origin": "http://localhost:1"}, {"Host": "a.b:80"}])
def test_others_do_not_save(server: PageServer, tmp_path: Path, wrong: dict[str, str]) -> None:
    assert ask(server, "save", BOX, **wrong)[0] == 403
    assert ask(server, "end", {}, **wrong)[0] == 403
    assert ask(server, "save", BOX, token="x")[0] == 403
    assert not (tmp_path / "web.png").exists() and not server.session.ended.is_set()


def test_its_own_page_is_not_refused(server: PageServer) -> None:
    for host in ("127.0.0.1", "localhost"):
        ours = f"{host}:{server.server_port}"
        headers = {"Host": ours, "Origin": f"http://{ours}", "Sec_Fetch_Site": "same-origin"}
        assert ask(server, "mask", BOX, **headers)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        *("frame/../../etc/passwd", "../info", "frame/-1", "frame/", "frame/1/2/3", "%2e%2e/", "x"),
        *("server.py", "../server.py", "static/main.js", "main.js/../../server.py", "labels/0"),
    ],
)
def test_nothing_else_is_read(server: PageServer, path: str) -> None:
    assert ask(server, path)[0] in (403, 404)
    assert ask(server, path, {})[0] in (403, 404)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"frame": 0}',
        b"[" * 100_000,
        {"frame": "0", "objects": []},
        {"frame": -1, "objects": []},
        {"frame": 99, "objects": []},
        {"frame": 0, "objects": [{"id": 0, "box": [1, 2, 3, 4]}]},
        {"frame": 0, "objects": [{"id": 1, "box": [1, 2, 3]}]},
        {"frame": 0, "objects": [{"id": 1, "box": [1, 2, 3, "4"]}]},
        {"frame": 0, "objects": [{"id": 1, "box": [1, 2, 3, 1e300]}]},
        b'{"frame": 0, "objects": [{"id": 1, "box": [1, 2, 3, NaN]}]}',
        {"frame": 0, "objects": [{"id": 1, "strokes": [{"points": [], "radius": 1, "erase": 0}]}]},
        {"frame": 0, "objects": [{"id": 1, "box": [900, 2, 3, 4]}]},
    ],
)
def test_what_is_no_drawing_is_told_so(server: PageServer, body: Any) -> None:
    status, said = ask(server, "mask", body)
    assert status == 422
    assert json.loads(said)["error"] and json.loads(said)["hint"]


def test_a_bug_is_told_and_ends_nothing(
    server: PageServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server.session, "get", lambda *arguments: 1 / 0)
    status, said = ask(server, "info")
    assert status == 500 and json.loads(said)["error"]
    assert "info" in caplog.text and "ZeroDivisionError" in caplog.text
    assert ask(server, "end", {})[0] == 200


def test_too_much_is_not_read(server: PageServer) -> None:
    assert ask(server, "mask", b"x", Content_Length=str(2**40))[0] == 413


def test_nothing_drawn_is_not_saved(server: PageServer, tmp_path: Path) -> None:
    status, said = ask(server, "save", {"frame": 0, "objects": []})
    assert status == 422 and json.loads(said)["error"] == "No object is marked."
    assert not (tmp_path / "web.png").exists()


def test_it_listens_on_this_machine_only(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert len(server.token) >= 32
    with pytest.raises(UsageError, match="--port"):
        PageServer(server.session, server.server_port)


def test_serve_ends_with_the_page(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)

    def person(session: MaskSession) -> None:
        while not opened:
            time.sleep(0.01)
        with urllib.request.urlopen(opened[0] + "info") as answer:
            assert json.loads(answer.read())["mode"] == "mask"
        session.ended.set()

    with FrameStore(frames) as store:
        session = MaskSession(FirstMask(store, frames, tmp_path / "web.png"), 0)
        threading.Thread(target=person, args=(session,), daemon=True).start()
        serve(session, port=0, browser=True, todo="Draw")
    assert session.ended.is_set()


def test_init_mask_says_what_was_saved_or_that_nothing_was(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kmn: Any
) -> None:
    """`kmn init-mask --web`, with somebody who draws as soon as the page is there."""
    drawings: list[Any] = []

    def person(address: str) -> None:
        def act() -> None:
            for drawing in drawings:
                data = json.dumps(drawing).encode()
                urllib.request.urlopen(urllib.request.Request(f"{address}save", data)).close()
            urllib.request.urlopen(urllib.request.Request(f"{address}end", b"{}")).close()

        threading.Thread(target=act, daemon=True).start()

    monkeypatch.setattr("webbrowser.open", person)
    command = ["init-mask", frames, "--web", "-o", tmp_path / "web.png"]
    nothing = kmn(*command)
    assert nothing.exit_code == 2 and "nothing was saved" in nothing.stderr
    drawings.append(BOX)
    saved = kmn(*command)
    assert saved.exit_code == 0 and (tmp_path / "web.png").is_file()
    assert "kmn segment" in saved.output
