"""What a 1080p clip costs to read and to write again, beside raw pipes from and to ffmpeg."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from kmn_cli.media.video import VideoInfo, open_video
from kmn_cli.media.video_writer import writer_like
from tests.benchmarks.bench_agreement import EXAMPLES
from tests.benchmarks.clock import processor_seconds

SIZE = (1920, 1080)
RATE = 25
RAW = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE[0]}x{SIZE[1]}"]
TO_709 = "scale=out_color_matrix=bt709:out_range=tv"
TAGS = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
H264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", *TAGS]


def measure(repeats: int = 5) -> list[dict[str, float | str]]:
    """Milliseconds of the processor a frame, ffmpeg's included: the least of some turns.

    On a busy machine ffmpeg's threads wait for each other in the kernel, which counts, too.
    """
    with tempfile.TemporaryDirectory() as name:
        clip, ours, plain = (Path(name) / f"{each}.mp4" for each in ("clip", "ours", "plain"))
        larger = ["-vf", f"scale={SIZE[0]}:{SIZE[1]},{TO_709}", "-r", str(RATE)]
        sound = ["-f", "lavfi", "-i", "sine", "-shortest", "-c:a", "aac"]
        _ffmpeg("-i", str(EXAMPLES / "bunny.mp4"), *sound, *larger, *H264, str(clip))
        reader = open_video(clip)
        frames = [frame.image for frame in reader]
        stages: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
            ("read", lambda: _drain(open_video(clip)), lambda: _drain(_plain_frames(clip))),
            (
                "write",
                lambda: _write(frames, reader.info, ours),
                lambda: _write_plain(frames, clip, plain),
            ),
        ]
        taken = []
        for stage, *works in stages:
            turns = [[_seconds(work) for work in works] for _ in range(repeats)]
            taken.append((stage, *map(min, zip(*turns, strict=True))))
    taken.append(("both", sum(row[1] for row in taken), sum(row[2] for row in taken)))
    return [
        {
            "stage": stage,
            "ms_a_frame": 1000 * mine / len(frames),
            "plain_ms_a_frame": 1000 * pipes / len(frames),
            "ratio": mine / pipes,
        }
        for stage, mine, pipes in taken
    ]


def _seconds(work: Callable[[], object]) -> float:
    before = processor_seconds()
    work()
    return processor_seconds() - before


def _drain(frames: Iterable[object]) -> None:
    for _ in frames:
        pass


def _plain_frames(clip: Path) -> Iterator[np.ndarray]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(clip), *RAW, "-"]
    count = SIZE[0] * SIZE[1] * 3
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while len(data := process.stdout.read(count)) == count:
            yield np.frombuffer(data, np.uint8).reshape(*SIZE[::-1], 3)


def _write(frames: list[np.ndarray], info: VideoInfo, target: Path) -> None:
    with writer_like(info, target) as writer:
        for index, image in enumerate(frames):
            start, end = info.span(index)
            writer.write(image, start, end)


def _write_plain(frames: list[np.ndarray], clip: Path, target: Path) -> None:
    silent = target.with_name("silent.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *RAW]
    command += ["-framerate", str(RATE), "-i", "-", "-vf", TO_709, *H264, str(silent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for image in frames:
            process.stdin.write(image.data)
    copy = ["-map", "0:v", "-map", "1:a", "-c", "copy", "-movflags", "+faststart"]
    _ffmpeg("-i", str(silent), "-i", str(clip), *copy, str(target))


def _ffmpeg(*arguments: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *arguments]
    subprocess.run(command, check=True)
