from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from made_clips import square_image
from PIL import Image

from kmn_cli.media.frame_store import FrameStore
from kmn_cli.media.video import open_video
from kmn_cli.media.video_reader import FileReader

Refuses = Callable[..., AbstractContextManager[None]]


def test_any_frame_in_any_order(clip: Path, number: Callable[[np.ndarray], int]) -> None:
    with FrameStore(clip) as store:
        for index in (5, 6, 2, 9, 0, 2):
            frame = store.get(index)
            assert (frame.index, number(frame.image)) == (index, index)


@pytest.mark.parametrize(
    ("name", "jumps", "encode"),
    [
        ("closed.mp4", True, "-c:v libx264 -g 4 -bf 2 -crf 10"),
        ("open.mkv", True, "-c:v libx264 -x264-params keyint=4:open-gop=1:bframes=2 -crf 10"),
        ("refresh.mp4", True, "-c:v libx264 -x264-params keyint=4:intra-refresh=1 -crf 10"),
        ("intra.mov", True, "-c:v prores_ks -profile:v 0"),
        ("hevc.mp4", True, "-c:v libx265 -x265-params keyint=4:log-level=none -crf 10"),
        ("vp9.webm", True, "-c:v libvpx-vp9 -g 4 -crf 20 -b:v 0"),
        ("old.avi", True, "-c:v mpeg4 -g 4 -bf 2 -q:v 2"),
        ("late.mp4", True, "-c:v libx264 -g 4 -bf 2 -crf 10 -output_ts_offset 3"),
        ("cut.mkv", True, "-c:v libx264 -g 4 -crf 10 -vf select='not(eq(n,5))' -fps_mode vfr"),
        ("stream.ts", False, "-c:v libx264 -g 4 -bf 2"),
        ("raw.h264", False, "-c:v libx264 -g 4 -an"),
        ("rows.mp4", True, "-c:v libx264 -g 4 -flags +ildct+ilme -crf 10"),
    ],
)
def test_a_jump_gives_the_frames_that_reading_gives(
    make_clip: Callable[..., Path], name: str, jumps: bool, encode: str
) -> None:
    path = make_clip(name, frames=12, encode=encode.split(), audio=False)
    with open_video(path) as reader:
        frames = list(reader)
        assert (reader.nearest(len(frames) - 1) > 0) == jumps
    for index, wanted in enumerate(frames):
        with FrameStore(path) as store:
            for one in (store.get(index), store.get(len(frames) - 1 - index), store.get(index)):
                same = frames[one.index]
                assert (one.name, one.time) == (same.name, same.time)
                assert (one.image == same.image).all()
        assert one.index == wanted.index == index


def test_going_on_does_not_start_anew(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    read_from = FileReader.read_from

    def count(self: FileReader, index: int) -> object:
        started.append(index)
        return read_from(self, index)

    monkeypatch.setattr(FileReader, "read_from", count)
    with FrameStore(clip) as store:
        for index in (0, 3, 4, 8, 3):
            store.get(index)
    assert started == [0]


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
