from __future__ import annotations

import errno
import os
import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from made_clips import ffmpeg, square_image, square_labels

from kmn_cli.errors import KmnError
from kmn_cli.media import ffmpeg as media_ffmpeg
from kmn_cli.media import video_writer
from kmn_cli.media.video import VideoWriter, open_video


def described(path: Path) -> str:
    """What ffmpeg says of a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def seconds_of_audio(path: Path) -> float:
    """How long the first audio stream plays, in seconds."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-map", "0:a:0"]
    command += ["-ar", "8000", "-ac", "1", "-f", "u8", "-"]
    return len(subprocess.run(command, capture_output=True, check=True).stdout) / 8000


def write(path: Path, frames: int = 10, size=(64, 48), fps: float = 25, **options) -> VideoWriter:
    with VideoWriter(path, width=size[0], height=size[1], fps=fps, **options) as writer:
        for i in range(frames):
            writer.write(square_image(i, size))
    return writer


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (64, 47)])
@pytest.mark.parametrize("fps", [25.0, 30000 / 1001, 11.2745])
def test_frames_rate_and_duration_come_back(tmp_path: Path, number, size, fps: float) -> None:
    write(tmp_path / "v.mp4", size=size, fps=fps)
    reader = open_video(tmp_path / "v.mp4")
    frames = list(reader)
    assert [number(frame.image) for frame in frames] == list(range(10))
    assert reader.info.fps == pytest.approx(fps, rel=1e-4)
    assert (reader.info.width, reader.info.height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    shown = frames[3].image[: size[1], : size[0]].astype(int)
    assert np.abs(shown - square_image(3, size)).mean() < 4
    assert "yuv420p(tv, bt709" in described(tmp_path / "v.mp4")


def test_one_frame(tmp_path: Path) -> None:
    write(tmp_path / "v.mp4", frames=1)
    assert len(list(open_video(tmp_path / "v.mp4"))) == 1


def test_audio_is_copied(tmp_path: Path, clip: Path) -> None:
    writer = write(tmp_path / "v.mp4", audio_from=clip)
    assert "Audio: aac" in described(tmp_path / "v.mp4") and writer.warnings == []
    assert seconds_of_audio(tmp_path / "v.mp4") == pytest.approx(0.4, abs=0.05)


def test_audio_is_cut_to_the_frames(tmp_path: Path, make_clip) -> None:
    source = make_clip("second.mp4", frames=50)
    write(tmp_path / "v.mp4", frames=15, audio_from=source, audio_start=1.0)
    assert seconds_of_audio(tmp_path / "v.mp4") == pytest.approx(0.6, abs=0.05)


def test_audio_shorter_than_the_video_costs_no_frame(tmp_path: Path, clip: Path) -> None:
    write(tmp_path / "v.mp4", frames=30, audio_from=clip)
    reader = open_video(tmp_path / "v.mp4")
    assert len(list(reader)) == 30 and reader.info.has_audio


def test_audio_that_mp4_cannot_hold_is_encoded_anew(tmp_path: Path, make_clip) -> None:
    encode = ("-c:v", "libx264", "-c:a", "pcm_s16le")
    source = make_clip("camera.mkv", encode=encode)
    write(tmp_path / "v.mp4", audio_from=source)
    assert "Audio: aac" in described(tmp_path / "v.mp4")


def test_silent_source_gives_a_silent_video(tmp_path: Path, make_clip) -> None:
    writer = write(tmp_path / "v.mp4", audio_from=make_clip("silent.mp4", audio=False))
    assert not open_video(tmp_path / "v.mp4").info.has_audio and writer.warnings == []


@pytest.mark.parametrize(
    ("codec", "suffix", "error"), [("prores4444", "mov", 4), ("vp9-alpha", "webm", 30)]
)
@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_alpha_comes_back(tmp_path: Path, clip: Path, codec, suffix: str, error: int, size) -> None:
    path = tmp_path / f"v.{suffix}"
    options = {"width": size[0], "height": size[1], "fps": 25, "codec": codec}
    alpha = square_labels(2, size) * np.uint8(255)
    with VideoWriter(path, **options, audio_from=clip) as writer:
        for _ in range(3):
            writer.write(np.dstack([square_image(2, size), alpha]))
    decoder = ["-c:v", "libvpx-vp9"] if codec == "vp9-alpha" else []
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *decoder, "-i", str(path)]
    command += ["-f", "rawvideo", "-pix_fmt", "rgba", "-"]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    info = open_video(path).info
    frames = np.frombuffer(data, np.uint8).reshape(-1, info.height, info.width, 4)
    assert len(frames) == 3 and info.fps == 25 and info.has_audio
    shown = frames[1][: size[1], : size[0]].astype(int)
    assert np.abs(shown[..., 3] - alpha).max() <= error
    assert np.abs(shown[..., :3] - square_image(2, size)).mean() < 6


def test_nothing_is_left_of_a_failed_run(tmp_path: Path, children) -> None:
    before = set(children())
    options = {"width": 64, "height": 48, "fps": 25}
    with pytest.raises(ZeroDivisionError), VideoWriter(tmp_path / "v.mp4", **options) as writer:
        writer.write(square_image(0))
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    assert set(children()) == before


def test_the_old_file_stays_until_the_new_is_whole(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_text("old")
    with VideoWriter(tmp_path / "v.mp4", width=64, height=48, fps=25) as writer:
        writer.write(square_image(0))
        assert (tmp_path / "v.mp4").read_text() == "old"
    assert len(list(open_video(tmp_path / "v.mp4"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]


def test_ffmpeg_killed_is_an_error_and_leaves_nothing(tmp_path: Path, children, refuses) -> None:
    before = set(children())
    options = {"width": 640, "height": 480, "fps": 25}
    with refuses("v.mp4"), VideoWriter(tmp_path / "v.mp4", **options) as writer:
        writer.write(np.zeros((480, 640, 3), np.uint8))
        (pid,) = set(children()) - before
        os.kill(pid, 9)
        for _ in range(20):
            writer.write(np.zeros((480, 640, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []
    assert set(children()) == before


def test_full_disk_is_told(tmp_path: Path, monkeypatch, refuses) -> None:
    fake = tmp_path / "ffmpeg"
    fake.write_text(
        "#!/bin/sh\nhead -c 5000 >/dev/null\n"
        "echo '[out#0/mp4 @ 0x1] Error: No space left on device' >&2\nexit 228\n"
    )
    fake.chmod(0o755)
    monkeypatch.setattr(media_ffmpeg, "ffmpeg_exe", lambda: str(fake))
    with refuses("v.mp4", "no space left"):
        write(tmp_path / "out" / "v.mp4", frames=100)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_disk_that_is_full_when_the_sound_comes_is_no_fault_of_the_sound(
    tmp_path: Path, monkeypatch, refuses, clip: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(video_writer, "mux", full)
    with refuses("v.mp4", "No space left"):
        write(tmp_path / "out" / "v.mp4", audio_from=clip)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(("codec", "suffix"), [("h264", "mp4"), ("prores4444", "mov")])
def test_the_shape_of_pixels_is_exact(tmp_path: Path, codec, suffix: str) -> None:
    shape = Fraction(160, 159)
    path = tmp_path / f"v.{suffix}"
    with VideoWriter(path, width=64, height=48, fps=25, shape=shape, codec=codec) as writer:
        image = square_image(0)
        writer.write(image if codec == "h264" else np.dstack([image, image[..., 0]]))
    assert open_video(path).info.shape == shape


def test_no_frame_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KmnError, match="no frame"):
        write(tmp_path / "v.mp4", frames=0)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(tmp_path: Path, refuses) -> None:
    (tmp_path / "file").touch()
    with refuses("v.mp4"):
        write(tmp_path / "file" / "v.mp4")


def test_frames_of_another_shape_are_a_bug(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="frame"),
        VideoWriter(tmp_path / "v.mp4", width=64, height=48, fps=25) as writer,
    ):
        writer.write(np.zeros((48, 64, 4), np.uint8))
    with pytest.raises(ValueError, match="fps"):
        VideoWriter(tmp_path / "v.mp4", width=64, height=48, fps=0)


def test_names_are_only_names(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("-y %03d 'ä'.mp4"))
    assert [path.name for path in tmp_path.iterdir()] == ["-y %03d 'ä'.mp4"]


def test_damaged_sound_costs_no_frame(tmp_path: Path, monkeypatch, clip: Path) -> None:
    source = tmp_path / "source.mkv"
    ffmpeg("-i", str(clip), "-c", "copy", str(source))
    with VideoWriter(tmp_path / "v.mp4", width=64, height=48, fps=25, audio_from=source) as writer:
        writer.write(square_image(0))
        source.write_bytes(b"overwritten meanwhile")
    assert len(list(open_video(tmp_path / "v.mp4"))) == 1
