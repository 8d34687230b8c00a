from __future__ import annotations

import os
import resource
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from made_clips import ffmpeg, huge_png, square_image
from PIL import Image

from kmn_cli.media.video import open_video

LOSSLESS = ("-c:v", "ffv1")


def save_frames(folder: Path, names: list[str], **options: object) -> Path:
    folder.mkdir(exist_ok=True)
    for i, name in enumerate(names):
        Image.fromarray(square_image(i)).save(folder / name, **options)
    return folder


def test_frames_come_once_each_in_order(clip: Path, number) -> None:
    with open_video(clip) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == list(range(10))
    assert [frame.name for frame in frames] == [f"{i:05d}" for i in range(10)]
    assert [number(frame.image) for frame in frames] == list(range(10))
    assert frames[0].image.shape == (48, 64, 3) and frames[0].image.dtype == np.uint8
    assert reader.warnings == []


def test_info_is_known_before_reading(clip: Path) -> None:
    info = open_video(clip).info
    assert (info.width, info.height, info.fps, info.frames) == (64, 48, 25.0, 10)
    assert info.has_audio and not info.is_folder
    assert info.first == 0 and info.span(1) == (pytest.approx(0.04), pytest.approx(0.04))


def test_a_reader_can_be_read_again(clip: Path) -> None:
    with open_video(clip) as reader:
        next(iter(reader))
        assert len(list(reader)) == 10


def test_pixels_are_exact_in_rgb_order(make_clip) -> None:
    path = make_clip("exact.mkv", frames=2, audio=False, encode=(*LOSSLESS, "-pix_fmt", "bgr0"))
    frames = list(open_video(path))
    assert np.array_equal(frames[1].image, square_image(1))


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("b-frames.avi", ("-c:v", "mpeg4", "-bf", "2", "-q:v", "2")),
        ("vp9.webm", ("-c:v", "libvpx-vp9", "-crf", "20", "-b:v", "0")),
        ("stream.ts", ("-c:v", "libx264")),
        ("raw.h264", ("-c:v", "libx264", "-an")),
        ("ten-bit.mp4", ("-c:v", "libx265", "-pix_fmt", "yuv420p10le")),
        ("alpha.mov", ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")),
        ("full-range.mp4", ("-c:v", "libx264", "-pix_fmt", "yuvj420p")),
        ("grey.mkv", ("-c:v", "ffv1", "-pix_fmt", "gray")),
        ("animated.gif", ("-an",)),
    ],
)
def test_codecs_and_containers(make_clip, number, name: str, encode: tuple[str, ...]) -> None:
    path = make_clip(name, encode=encode)
    with open_video(path) as reader:
        frames = list(reader)
    assert [number(frame.image) for frame in frames] == list(range(10))
    assert reader.info.fps == 25 and reader.info.frames == 10
    assert reader.warnings == []


@pytest.mark.parametrize("fps", ["30000/1001", "24000/1001", "50", "12.5"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_rate_is_exact(make_clip, fps: str, suffix: str) -> None:
    path = make_clip(f"rate.{suffix}", frames=50, fps=fps)
    above, _, below = fps.partition("/")
    assert open_video(path).info.fps == pytest.approx(float(above) / float(below or 1), abs=1e-4)


def test_rotated_phone_clip_stands_upright(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    ffmpeg("-display_rotation", "90", "-i", str(clip), "-c", "copy", str(path))
    with open_video(path) as reader:
        assert (reader.info.width, reader.info.height) == (48, 64)
        image = next(iter(reader)).image
    upright = np.rot90(square_image(0))
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 8


def test_variable_rate_gives_each_frame_once(make_clip, number, tmp_path: Path) -> None:
    source = make_clip("constant.mkv", frames=10, audio=False, encode=LOSSLESS)
    path = tmp_path / "variable.mkv"
    slower = "setpts='if(gte(N,5),5+(N-5)*4,N)/25/TB'"
    ffmpeg("-i", str(source), "-vf", slower, "-fps_mode", "vfr", *LOSSLESS, str(path))
    reader = open_video(path)
    assert [number(frame.image) for frame in reader] == list(range(10))
    assert reader.info.frames == 10
    # Frames 0..4 last 0.04 s each, 5..8 last 0.16 s, the last what the container says.
    assert 10 / reader.info.fps == pytest.approx(0.88, abs=0.13)
    late = list(open_video(path, start="0.3"))
    assert [number(frame.image) for frame in late] == [6, 7, 8, 9]


def test_one_frame_and_odd_sizes(make_clip) -> None:
    path = make_clip("odd.mkv", frames=1, size=(61, 47), audio=False, encode=LOSSLESS)
    reader = open_video(path)
    assert [frame.image.shape for frame in reader] == [(47, 61, 3)]
    assert reader.info.frames == 1


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("3f", None, range(3, 10)),
        ("0.12", None, range(3, 10)),
        ("00:00:00.12", "0:00.2", range(3, 5)),
        (None, "4f", range(4)),
        ("2f", "3f", range(2, 3)),
        ("0.1", "999", range(3, 10)),
        ("0", ".2", range(5)),
    ],
)
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_start_and_end(
    clip: Path, tmp_path: Path, number, kind: str, start: str | None, end: str | None, expected
) -> None:
    if kind == "folder":
        clip = save_frames(tmp_path / "frames", [f"{i}.png" for i in range(10)])
    with open_video(clip, start=start, end=end) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == list(expected)
    assert [number(frame.image) for frame in frames] == list(expected)
    assert reader.info.frames == len(expected) and reader.info.first == expected[0]


def test_start_and_end_that_hold_nothing(clip: Path, refuses) -> None:
    with refuses("10 frames", "0.40 s"):
        open_video(clip, start="99")
    with refuses("between"):
        open_video(clip, start="5f", end="5f")
    for text in ("soon", "-1", "1e3", "nan", "1:2:3:4", ""):
        with refuses(repr(text), exit_code=2):
            open_video(clip, start=text)


def test_folder_is_read_in_natural_order_under_its_names(tmp_path: Path, number) -> None:
    folder = save_frames(tmp_path / "frames", ["1.png", "2.webp", "10.png"], lossless=True)
    (folder / "._1.png").write_text("not a picture")
    (folder / "notes.txt").write_text("not a frame")
    reader = open_video(folder)
    frames = list(reader)
    assert [frame.name for frame in frames] == ["1", "2", "10"]
    assert [number(frame.image) for frame in frames] == [0, 1, 2]
    assert frames[0].image.flags.writeable
    info = reader.info
    assert info.is_folder and info.frames == 3 and not info.has_audio and info.fps > 0


def test_photographs_stand_upright_by_their_exif(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    folder = save_frames(tmp_path / "frames", ["0.jpg"], exif=exif)
    reader = open_video(folder)
    assert (reader.info.width, reader.info.height) == (48, 64)
    assert next(iter(reader)).image.shape == (64, 48, 3)


def test_modes_of_pictures(tmp_path: Path) -> None:
    grey = square_image(0)[..., 0]
    Image.fromarray(grey).save(tmp_path / "0.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "1.png")
    Image.fromarray(grey).convert("P").save(tmp_path / "2.png")
    Image.fromarray(grey).convert("RGBA").save(tmp_path / "3.png")
    for frame in open_video(tmp_path):
        assert np.array_equal(frame.image, np.dstack([grey] * 3)), frame.name


def test_a_single_picture_is_a_video_of_one_frame(tmp_path: Path) -> None:
    save_frames(tmp_path, ["still %d.png"])
    assert [frame.name for frame in open_video(tmp_path / "still %d.png")] == ["still %d"]


def test_pictures_of_two_sizes_are_refused_by_name(tmp_path: Path, refuses) -> None:
    folder = save_frames(tmp_path / "frames", ["0.png", "1.png"])
    Image.new("RGB", (30, 20)).save(folder / "2.png")
    with refuses("2.png", "30x20", "64x48"):
        list(open_video(folder))


def test_damaged_picture_is_refused_by_name(tmp_path: Path, refuses) -> None:
    folder = save_frames(tmp_path / "frames", ["0.jpg", "1.jpg"])
    data = (folder / "1.jpg").read_bytes()
    (folder / "1.jpg").write_bytes(data[: len(data) // 2])
    with refuses("1.jpg"):
        list(open_video(folder))


@pytest.mark.parametrize(
    "name", ["-i.mp4", 'it\'s "quoted".mp4', "zwei\nzeilen ä 日本.mp4", "%d$(x);.mp4"]
)
def test_names_are_only_names(clip: Path, tmp_path: Path, monkeypatch, name: str) -> None:
    shutil.copy(clip, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(list(open_video(Path(name)))) == 10


def test_sources_that_are_no_videos(tmp_path: Path, make_clip, refuses) -> None:
    with refuses("no-such.mp4"):
        open_video(tmp_path / "no-such.mp4")
    (tmp_path / "empty").mkdir()
    with refuses("no pictures"):
        open_video(tmp_path / "empty")
    (tmp_path / "text.mp4").write_text("these are words, and no video at all")
    with refuses("text.mp4"):
        open_video(tmp_path / "text.mp4")
    (tmp_path / "nothing.mp4").touch()
    with refuses("nothing.mp4"):
        open_video(tmp_path / "nothing.mp4")
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", str(tmp_path / "sound.m4a"))
    with refuses("sound.m4a", "no video"):
        open_video(tmp_path / "sound.m4a")
    os.mkfifo(tmp_path / "pipe.mp4")
    with refuses("not a file"):
        open_video(tmp_path / "pipe.mp4")


def test_playlist_cannot_reach_the_network(tmp_path: Path, refuses) -> None:
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", "http://127.0.0.1:9/a.ts"]
    (tmp_path / "list.mp4").write_text("\n".join([*lines, "#EXT-X-ENDLIST"]))
    with refuses("list.mp4"):
        open_video(tmp_path / "list.mp4")


@pytest.mark.parametrize("side", [9000, 100_000])
def test_huge_frames_are_refused_before_they_are_decoded(
    tmp_path: Path, refuses, side: int
) -> None:
    with refuses(f"{side}x{side}", "million"):
        open_video(huge_png(tmp_path / "huge.mp4", side))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_file_cut_off_gives_its_frames_and_a_warning(make_clip, suffix: str, tmp_path) -> None:
    encode = ("-c:v", "libx264", "-g", "5", "-movflags", "+faststart")
    path = make_clip(f"whole.{suffix}", frames=100, audio=False, encode=encode)
    data = path.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(data[: len(data) * 2 // 3])
    with open_video(cut) as reader:
        count = sum(1 for _ in reader)
    assert 20 < count < 100
    assert len(reader.warnings) == 1
    assert f"{count} frames" in reader.warnings[0] and str(cut) in reader.warnings[0]


def test_a_broadcast_with_a_hole_gives_its_frames_and_a_warning(make_clip, tmp_path: Path) -> None:
    path = make_clip("whole.ts", frames=20, audio=False, size=(320, 240))
    data = path.read_bytes()
    middle = len(data) // 188 // 2 * 188
    (tmp_path / "hole.ts").write_bytes(data[:middle] + data[middle + 3 * 188 :])
    with open_video(tmp_path / "hole.ts") as reader:
        assert sum(1 for _ in reader) >= 18
    assert "damaged" in " ".join(reader.warnings)


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    path = tmp_path / "long.mp4"
    source = "testsrc=s=640x480:r=25:d=8"
    ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", str(path))
    return path


def open_files() -> int:
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc to see open files")
    return len(list(Path("/proc/self/fd").iterdir()))


def test_leaving_early_closes_the_file(long_clip: Path) -> None:
    before = open_files()
    with open_video(long_clip) as reader:
        next(iter(reader))
        assert open_files() > before
    assert open_files() == before


def test_close_frees_a_thread_that_reads(long_clip: Path) -> None:
    reader = open_video(long_clip)
    started, seen = threading.Event(), []

    def read() -> None:
        for frame in reader:
            seen.append(frame.index)
            started.set()

    thread = threading.Thread(target=read)
    thread.start()
    started.wait(20)
    reader.close()
    thread.join(20)
    assert not thread.is_alive() and len(seen) < 200


def test_no_files_stay_open(clip: Path) -> None:
    before = open_files()
    for _ in range(3):
        with open_video(clip) as reader:
            list(reader)
    assert open_files() == before


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    path = tmp_path / "long.mkv"
    source = "color=red:s=640x480:r=25:d=40"
    ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", str(path))
    with open_video(path) as reader:
        frames = iter(reader)
        for _ in range(20):
            next(frames)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rest = sum(1 for _ in frames)
    assert rest == 980
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 20 * 1024  # KiB: all frames would be 900 MB
