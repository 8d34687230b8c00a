from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from drawn_data import draw_disc, draw_frame
from PIL import Image

from kmn_cli.api import load_network
from kmn_cli.batch.first_mask import FirstMask
from kmn_cli.media.frame_store import FrameStore
from kmn_cli.web.edit_session import EditSession
from kmn_cli.web.server import PageServer
from kmn_cli.web.session import MaskSession
from kmn_cli.web.tracker import Tracker


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Three upright pictures, as a phone takes them, of a disc that moves down."""
    folder = tmp_path / "shot"
    folder.mkdir()
    for index in range(3):
        mask = draw_disc((160, 90), (60 + 20 * index, 45), 25)
        Image.fromarray(draw_frame(mask, index)).save(folder / f"{index:05d}.png")
    return folder


@pytest.fixture
def server(frames: Path, tmp_path: Path) -> Iterator[PageServer]:
    """Serves a page for the pictures, whose mask is tmp_path/web.png."""
    with FrameStore(frames) as store:
        session = MaskSession(FirstMask(store, frames, tmp_path / "web.png"), 0)
        with PageServer(session) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield server
            server.shutdown()
            thread.join()


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
