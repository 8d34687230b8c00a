"""Videos, decoded again by ffmpeg."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from made_clips import ffmpeg, square_image
from PIL import Image
from two_objects import two_objects

from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.exports.videos import write_alpha, write_green_screen, write_overlay
from kmn_cli.media.video import VideoWriter, open_video

Load = Callable[..., Clip]


def audio_codec(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.streams.audio[0].codec_context.codec.canonical_name


def decode(path: Path, *before: str) -> np.ndarray:
    """All frames (T, 48, 64, 4) uint8 RGBA."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *before, "-i", str(path)]
    command += ["-f", "rawvideo", "-pix_fmt", "rgba", "-"]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, 48, 64, 4)


# The decoder, and the worst and mean error of alpha measured for the codec.
@pytest.mark.parametrize(
    ("name", "decoder", "worst", "mean"),
    [("a.mov", (), 2, 0.2), ("a.webm", ("-c:v", "libvpx-vp9"), 32, 2)],
)
def test_alpha(
    result: Path,
    load: Load,
    tmp_path: Path,
    name: str,
    decoder: tuple[str, ...],
    worst: int,
    mean: float,
) -> None:
    write_alpha(load(result), tmp_path / name)
    frames = decode(tmp_path / name, *decoder)
    assert len(frames) == 10
    for index, frame in enumerate(frames):
        error = np.abs(frame[..., 3].astype(int) - 255 * (two_objects(index) > 0))
        assert error.max() <= worst and error.mean() <= mean
        # Straight, not premultiplied: the colours are there also where nothing is seen.
        assert np.abs(frame[..., :3].astype(int) - square_image(index)).mean() < 10
    info = open_video(tmp_path / name).info
    assert (info.frames, info.fps) == (10, pytest.approx(25, rel=0.01))


def test_soft_alpha_is_kept(result: Path, load: Load, tmp_path: Path) -> None:
    soft = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    for index in range(10):
        (result / "soft" / "1").mkdir(parents=True, exist_ok=True)
        Image.fromarray(soft).save(result / "soft" / "1" / f"{index:05d}.png")
    write_alpha(load(result, objects=(1,)), tmp_path / "a.mov")
    for frame in decode(tmp_path / "a.mov"):
        assert np.abs(frame[..., 3].astype(int) - soft).max() <= 3


@pytest.mark.parametrize(
    ("write", "name", "audio"),
    [
        (write_overlay, "a.mp4", "aac"),
        (write_green_screen, "a.mp4", "aac"),
        (write_alpha, "a.mov", "aac"),
        (write_alpha, "a.webm", "opus"),
    ],
)
def test_rate_duration_and_sound_are_the_source_s(
    result: Path,
    load: Load,
    tmp_path: Path,
    write: Callable[[Clip, Path], None],
    name: str,
    audio: str,
) -> None:
    clip = load(result)
    write(clip, tmp_path / name)
    assert clip.warnings == []
    assert audio_codec(tmp_path / name) == audio
    assert "00:00:00.4" in ffmpeg("-i", str(tmp_path / name), "-f", "null", "-")
    write(clip.every(5), tmp_path / f"fewer-{name}")
    info = open_video(tmp_path / f"fewer-{name}").info
    assert (info.frames, info.fps) == (2, pytest.approx(5, rel=0.01))


def test_a_frame_that_is_held_to_the_end_is_held(
    result: Path, load: Load, tmp_path: Path, clip: Path
) -> None:
    held, tick = tmp_path / "held.mov", Fraction(1, 12_800)
    with VideoWriter(held, width=64, height=48, fps=25, tick=tick, codec="prores4444") as writer:
        for index in range(10):
            image = square_image(index)
            last = 3.0 if index == 9 else None
            writer.write(np.dstack([image, image[..., 0]]), duration=last)
    said = json.loads((result / "result.json").read_text())
    (result / "result.json").write_text(json.dumps(said | {"input": str(held)}))
    write_alpha(load(result), tmp_path / "a.mov")
    assert open_video(tmp_path / "a.mov").info.timeline.end == pytest.approx(3.36, abs=0.01)


def test_audio_is_copied_where_the_container_allows(
    result: Path, load: Load, tmp_path: Path, clip: Path
) -> None:
    write_green_screen(load(result), tmp_path / "a.mp4")

    def packets(path: Path) -> list[str]:
        command = ["-i", str(path), "-map", "0:a", "-c", "copy", "-f", "framemd5"]
        ffmpeg(*command, str(tmp_path / "sums"))
        lines = (tmp_path / "sums").read_text().splitlines()
        return [line.split(",")[-1] for line in lines if not line.startswith("#")]

    copied, original = packets(tmp_path / "a.mp4"), packets(clip)
    assert copied and set(copied) <= set(original)


def test_green_screen(result: Path, load: Load, tmp_path: Path) -> None:
    write_green_screen(load(result), tmp_path / "a.mp4")
    for index, frame in enumerate(decode(tmp_path / "a.mp4")):
        labels = two_objects(index)
        far = Image.fromarray(labels > 0).resize((8, 6), Image.Resampling.BOX)
        empty = np.asarray(far.resize((64, 48), Image.Resampling.NEAREST)) == 0
        assert np.abs(frame[empty][:, :3].astype(int) - (0, 255, 0)).mean() < 12
        if index < 9:
            inside = labels == 1
            wanted = square_image(index)[inside].astype(int)
            assert np.abs(frame[inside][:, :3].astype(int) - wanted).mean() < 40


def test_a_part_of_the_video_has_its_part_of_the_sound(
    result: Path, load: Load, tmp_path: Path
) -> None:
    for index in (*range(4), 8, 9):
        (result / "masks" / f"{index:05d}.png").unlink()
    write_alpha(load(result), tmp_path / "a.mov")
    frames = decode(tmp_path / "a.mov")
    assert len(frames) == 4
    assert np.abs(frames[0][..., :3].astype(int) - square_image(4)).mean() < 10
    assert audio_codec(tmp_path / "a.mov") == "aac"
