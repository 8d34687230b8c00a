"""What ffmpeg can tell of a video file before its frames are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.media.ffmpeg import INPUT, Ffmpeg
from kmn_cli.media.images import MAX_PIXELS, too_large

DEFAULT_FPS = 25.0  # where a file gives no times
NO_TIME = -(2**63)  # ffmpeg's AV_NOPTS_VALUE
DISCARD = 4  # the packet flag of frames that an edit list hides
# The first video stream that is not a cover picture.
VIDEO = ["-map", "0:V:0"]
_AUDIO = re.compile(r"^\s*Stream #0:.*?: Audio: (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Picture:
    """Size of the first frame, upright, and whether there is audio."""

    width: int
    height: int
    has_audio: bool


@dataclass(frozen=True)
class Timeline:
    """Number of frames, average frames a second, and how many frames come before each mark."""

    frames: int
    fps: float
    before: tuple[int, ...]


def input_arguments(path: Path) -> list[str]:
    """Return ffmpeg's arguments to open the absolute `path`, refusing pictures too large."""
    return [*INPUT, "-max_pixels", str(MAX_PIXELS), "-i", str(path)]


def probe_picture(path: Path) -> Picture:
    """Decode the first frame: only that tells what rotation and cropping make of the size.

    Raises:
        InputError: when `path` (absolute) is no readable video, or too large.
    """
    output = [*VIDEO, "-frames:v", "1", "-c:v", "rawvideo", "-pix_fmt", "rgb24"]
    with Ffmpeg([*input_arguments(path), *output, "-f", "framecrc", "-"], log_level="info") as run:
        text = run.stdout.read().decode()
        run.finish()
        log, complaints = run.log(), run.complaints()
    size = re.search(r"^#dimensions 0: (\d+)x(\d+)", text, re.MULTILINE)
    frames = [line for line in text.splitlines() if not line.startswith("#")]
    if size is None or not frames:
        raise _unreadable(path, log, complaints)
    return Picture(int(size[1]), int(size[2]), _AUDIO.search(log) is not None)


def audio_codec(path: Path) -> str | None:
    """Return ffmpeg's name for the codec of the first audio stream of `path` (absolute)."""
    with Ffmpeg(input_arguments(path), log_level="info") as run:
        run.finish()
        found = _AUDIO.search(run.log())
    return found[1] if found else None


def probe_timeline(path: Path, marks: Sequence[float] = ()) -> Timeline:
    """Read the times of all packets, without decoding, and count them.

    Args:
        path: the absolute path of a video that probe_picture accepts.
        marks: times in seconds; the frames before each are counted.
    """
    frames, low, high, last, end = 0, float("inf"), float("-inf"), float("-inf"), float("-inf")
    tick = 0.0
    before = [0] * len(marks)
    with Ffmpeg([*input_arguments(path), *VIDEO, "-c", "copy", "-f", "framecrc", "-"]) as run:
        for line in run.stdout:
            if line.startswith(b"#"):
                if line.startswith(b"#tb 0:"):
                    above, below = line.split(b":")[1].split(b"/")
                    tick = int(above) / int(below)
                continue
            fields = line.split(b",")
            flags = next((f for f in fields[6:] if f.strip().startswith(b"F=")), b"F=0")
            if int(flags.split(b"=")[1], 16) & DISCARD:
                continue
            decode, show, duration = (int(field) for field in fields[1:4])
            time = (show if show != NO_TIME else decode) * tick
            frames += 1
            low, high = min(low, time), max(high, time)
            if time > last:
                last, end = time, time + duration * tick
            for i, mark in enumerate(marks):
                before[i] += time < mark - tick / 2
        run.finish()
    return Timeline(frames, _average_rate(frames, low, high, end, tick), tuple(before))


def _average_rate(frames: int, low: float, high: float, end: float, tick: float) -> float:
    """Return the rate at which `frames` last as long as they do in the file."""
    if end > high > low:
        rate = frames / (end - low)
    elif high > low:
        rate = (frames - 1) / (high - low)
    else:
        rate = 1 / (end - low) if end > low else DEFAULT_FPS
    # Some containers round times to milliseconds: take the common rate that explains them.
    commons = (float(round(rate)), round(rate) * 1000 / 1001)
    nearest = min(commons, key=lambda common: abs(common - rate))
    if nearest and abs(frames / nearest - frames / rate) <= 1.5 * tick:
        return nearest
    return rate


def _unreadable(path: Path, log: str, complaints: list[str]) -> InputError:
    if re.search(r"exceeds specified max pixel count|Picture size \S+ is invalid", log):
        size = re.search(r"Picture size (\S+)", log)
        return too_large(path, size[1] if size else "too many")
    reason = complaints[-1] if complaints else "it holds no frame"
    if "moov atom not found" in log:
        reason = "its index is missing"
    if "matches no streams" in log:
        return InputError(
            f"{path} has no video in it.", "Give a video file, or a folder of pictures."
        )
    return InputError(
        f"{path} cannot be read as a video ({reason}).",
        "Check that it plays; a file whose recording or copying was cut off must be made anew.",
    )
