from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from made_clips import square_image
from PIL import Image

from kmn_cli.media.frame_store import FrameStore

Refuses = Callable[..., AbstractContextManager[None]]


def test_any_frame_in_any_order(clip: Path, number: Callable[[np.ndarray], int]) -> None:
    with FrameStore(clip) as store:
        for index in (5, 6, 2, 9, 0, 2):
            frame = store.get(index)
            assert (frame.index, number(frame.image)) == (index, index)


def test_going_on_does_not_start_anew(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kmn_cli.media import frame_store

    opened = []

    def count(*arguments: object, **options: object) -> object:
        opened.append(options)
        return open_video(*arguments, **options)

    open_video = frame_store.open_video
    with FrameStore(clip) as store:
        monkeypatch.setattr(frame_store, "open_video", count)
        for index in (0, 3, 4, 8, 3):
            store.get(index)
    assert len(opened) == 1


def test_frames_that_are_not_there(refuses: Refuses, clip: Path) -> None:
    with FrameStore(clip) as store:
        store.get(9)
        with refuses("clip.mp4", "10"):
            store.get(10)
        assert store.get(1).index == 1
        assert store.index("7") == 7
        with refuses("'seven'"):
            store.index("seven")


def test_pictures_by_name(refuses: Refuses, tmp_path: Path) -> None:
    for name in ("00005", "00010", "x"):
        Image.fromarray(square_image(0)).save(tmp_path / f"{name}.png")
    with FrameStore(tmp_path) as store:
        assert [store.index(name) for name in ("00010", "x", "0", "2")] == [1, 2, 0, 2]
        with refuses("no frame 3"):
            store.index("3")
        assert store.get(2).name == "x"
    with FrameStore(tmp_path / "x.png") as store:
        assert store.get(store.index("0")).name == "x"


def test_no_process_is_left(clip: Path, children: Callable[[], list[int]]) -> None:
    before = children()
    with FrameStore(clip) as store:
        store.get(2)
    assert children() == before
