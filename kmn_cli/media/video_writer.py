"""Writing video files."""

from __future__ import annotations

import errno
import math
import os
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from av.error import FFmpegError

from kmn_cli.errors import KmnError
from kmn_cli.files import atomic_path, existing, put_in_place
from kmn_cli.media.ffmpeg import Ffmpeg
from kmn_cli.media.frames import VideoInfo
from kmn_cli.media.mux import Showing, Sound, mux

Codec = Literal["h264", "prores4444", "vp9-alpha"]


@dataclass(frozen=True)
class _Format:
    """A container, how video is encoded for it, and which audio it takes as it is."""

    container: str
    arguments: list[str]
    alpha: bool
    copied_audio: frozenset[str]
    audio_encoder: str
    options: tuple[str, ...] = ()


_FORMATS: dict[str, _Format] = {
    "h264": _Format(
        container="mp4",
        # Colours are kept finer than x264 would: what is drawn over the frames is colour. Without
        # motion of parts of blocks films take a fifth less time and 1 to 2 % more room, and lose
        # 0.0 to 0.2 dB; the time of drawn test pictures stays.
        arguments=["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"]
        + ["-x264-params", "chroma-qp-offset=-4:partitions=i8x8,i4x4"],
        alpha=False,
        copied_audio=frozenset({"aac", "mp3", "ac3", "eac3", "alac"}),
        audio_encoder="aac",
    ),
    "prores4444": _Format(
        container="mov",
        arguments=["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"],
        alpha=True,
        copied_audio=frozenset({"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s24le"}),
        audio_encoder="aac",
    ),
    "vp9-alpha": _Format(
        container="webm",
        arguments=["-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-crf", "18", "-b:v", "0"],
        alpha=True,
        copied_audio=frozenset({"opus", "vorbis"}),
        audio_encoder="libopus",
        # Frames that are not shown, a means of compression, cannot carry alpha.
        options=("-auto-alt-ref", "0", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1"),
    ),
}

# Untagged colours are read one way by players and another by ffmpeg: convert and say how.
_TO_709 = (
    "scale=out_color_matrix=bt709:out_range=tv,"
    "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
)


class VideoWriter:
    """Encode frames into a file that appears whole when the context is left without an error.

    Frames are encoded at a constant rate and put at their times afterwards. Odd sizes get one
    more row or column, a copy of their last, where the codec stores colours at half size. Audio
    of the source is cut to the span of the frames written; what goes wrong with it is told in
    `warnings`, and costs no frame.

    Args:
        path: the file; its suffix should be .mp4 for h264, .mov for prores4444, .webm for
            vp9-alpha.
        width, height: size of the frames in pixels.
        fps: frames a second, where `write` is told no times.
        shape: width of a pixel over its height.
        tick: the unit of times in seconds; None is a frame at fps.
        codec: "h264" takes (H, W, 3) frames, "prores4444" and "vp9-alpha" (H, W, 4) ones with
            straight alpha.
        audio_from: the file whose first audio stream is taken.
        audio_start: where in it the first frame is, in seconds, where `write` is told no times.

    Raises:
        KmnError: when the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        fps: float,
        shape: Fraction = Fraction(1),
        tick: Fraction | None = None,
        codec: Codec = "h264",
        audio_from: Path | None = None,
        audio_start: float = 0.0,
    ) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise ValueError(f"fps must be positive, not {fps}")
        self.path = path
        self.warnings: list[str] = []
        self._format = _FORMATS[codec]
        self._frame = (height, width, 4 if self._format.alpha else 3)
        half = codec != "prores4444"
        self._pad = (height % 2, width % 2) if half else (0, 0)
        self._rate = Fraction(fps).limit_denominator(10_010)
        self._shape = shape
        self._tick = tick or 1 / self._rate
        self._audio = existing(audio_from) if audio_from else None
        self._times: list[float] = []
        self._end = audio_start
        self._stack = ExitStack()

    def __enter__(self) -> VideoWriter:
        part = self._stack.enter_context(atomic_path(self.path.absolute()))
        self._part, self._encoded = part, part.with_name(f"{part.name}.encoded.part")
        self._stack.callback(lambda: self._encoded.unlink(missing_ok=True))
        height, width = (self._frame[i] + self._pad[i] for i in range(2))
        source = ["-f", "rawvideo", "-pix_fmt", "rgba" if self._format.alpha else "rgb24"]
        source += ["-s", f"{width}x{height}", "-framerate", str(self._rate), "-i", "pipe:0"]
        # By itself x264 takes 1.5 threads a core, and frames for each of them.
        threads = ["-threads", str(min(8, os.cpu_count() or 1))]
        encoder = [*self._format.arguments, *self._format.options, *threads]
        look = ["-vf", f"{_TO_709},setsar={self._shape}:max={2**31 - 1}"]
        target = ["-f", self._format.container, str(self._encoded)]
        arguments = ["-y", *source, *look, *encoder, *target]
        try:
            self._ffmpeg = self._stack.enter_context(Ffmpeg(arguments))
        except BaseException:
            self._stack.close()
            raise
        return self

    def write(
        self, image: np.ndarray, time: float | None = None, duration: float | None = None
    ) -> None:
        """Append a frame.

        Args:
            image: (H, W, 3) or, for a codec with alpha, (H, W, 4) uint8.
            time: when it is shown, in seconds by the clock of `audio_from`; None is when the
                frame before it ends.
            duration: in seconds; None is 1 / fps.

        Raises:
            KmnError: when ffmpeg cannot go on.
        """
        if image.shape != self._frame or image.dtype != np.uint8:
            raise ValueError(f"a frame must be {self._frame} uint8, not {image.shape}")
        if any(self._pad):
            image = cv2.copyMakeBorder(
                image, 0, self._pad[0], 0, self._pad[1], cv2.BORDER_REPLICATE
            )
        try:
            self._ffmpeg.stdin.write(np.ascontiguousarray(image).data)
        except OSError as error:
            raise self._failure(self._ffmpeg.finish()) from error
        start = self._end if time is None else time
        self._times.append(start)
        self._end = start + (float(1 / self._rate) if duration is None else duration)

    def __exit__(self, *exc: Any) -> None:
        if any(exc):
            self._stack.__exit__(*exc)
            return
        with self._stack:
            status = self._ffmpeg.finish()
            if status or not self._times:
                raise self._failure(status)
            self._mux()

    def _mux(self) -> None:
        """Write the file; only now are the times of all frames known."""
        showing = Showing(self._times, self._end, self._rate, self._tick)
        container, reason = self._format.container, ""
        for encoder in (None, self._format.audio_encoder) if self._audio else ():
            assert self._audio is not None
            sound = Sound(self._audio, encoder, self._format.copied_audio, container != "webm")
            try:
                mux(self._encoded, self._part, container, showing, sound)
                break
            except (FFmpegError, KmnError, OSError, ValueError) as error:
                if getattr(error, "errno", None) == errno.ENOSPC:
                    raise  # the sound is not at fault
                reason = str(error).partition("\n")[0]
        else:
            if reason:
                text = f"{self.path} has no sound: {self._audio} gave none ({reason})"
                self.warnings.append(text)
            mux(self._encoded, self._part, container, showing, None)
        if container == "webm" and self._shape != 1:
            self._stretch()

    def _stretch(self) -> None:
        """Write the shape of pixels, which VP9 does not carry itself, into the container."""
        height, width = self._frame[:2]
        aspect = (width + self._pad[1]) * self._shape / (height + self._pad[0])
        copy = ["-map", "0", "-c", "copy", "-aspect", f"{aspect.numerator}:{aspect.denominator}"]
        arguments = ["-y", "-i", str(self._part), *copy, "-f", "webm", str(self._encoded)]
        with Ffmpeg(arguments) as process:
            if process.finish() == 0:
                put_in_place(self._encoded, self._part)

    def _failure(self, status: int) -> KmnError:
        complaints = self._ffmpeg.complaints()
        reason = complaints[-1] if complaints else f"ffmpeg ended with status {status}"
        if not self._times and not status:
            reason = "there was no frame to write"
        for text in complaints:
            if "No space left" in text:
                reason = "no space left on the disk"
        return KmnError(
            f"Cannot write {self.path} after {len(self._times)} frames: {reason}.",
            "Check the free space and the permissions of the folder, and run the command again.",
        )


def writer_like(
    info: VideoInfo, path: Path, codec: Codec = "h264", fps: float | None = None
) -> VideoWriter:
    """Return the writer of a video that is shown as its source, with its sound.

    Args:
        info: the source.
        path, codec: as VideoWriter takes them.
        fps: where only some of the frames are written.
    """
    timeline = info.timeline
    return VideoWriter(
        path,
        width=info.width,
        height=info.height,
        fps=fps or info.fps,
        shape=info.shape,
        tick=timeline.tick if timeline else None,
        codec=codec,
        audio_from=info.path if info.has_audio else None,
        audio_start=info.span(info.first)[0],
    )
