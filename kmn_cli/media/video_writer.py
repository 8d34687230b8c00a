"""Writing video files."""

from __future__ import annotations

import math
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal

import cv2
import numpy as np

from kmn_cli.errors import KmnError
from kmn_cli.files import atomic_path, existing, put_in_place
from kmn_cli.media.ffmpeg import INPUT, Ffmpeg, run
from kmn_cli.media.probe import audio_codec

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
        arguments=["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"],
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
_COLOUR = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709"]
_COLOUR += ["-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]


class VideoWriter:
    """Encode frames into a file that appears whole when the context is left without an error.

    The rate is constant: give the source's average rate (VideoInfo.fps), and a source of variable
    rate keeps its frames and its duration. Odd sizes get one more row or column, a copy of their
    last, where the codec stores colours at half size. Audio of the source is cut to the duration
    of the frames written; what goes wrong with it is told in `warnings`, and costs no frame.

    Args:
        path: the file; its suffix should be .mp4 for h264, .mov for prores4444, .webm for
            vp9-alpha.
        width, height: size of the frames in pixels.
        fps: frames a second.
        codec: "h264" takes (H, W, 3) frames, "prores4444" and "vp9-alpha" (H, W, 4) ones with
            straight alpha.
        audio_from: the file whose first audio stream is taken.
        audio_start: where in it the first frame is, in seconds.

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
        codec: Codec = "h264",
        audio_from: Path | None = None,
        audio_start: float = 0.0,
    ) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise ValueError(f"fps must be positive, not {fps}")
        self.path = path
        self.warnings: list[str] = []
        self._format = _FORMATS[codec]
        self._shape = (height, width, 4 if self._format.alpha else 3)
        half = codec != "prores4444"
        self._pad = (height % 2, width % 2) if half else (0, 0)
        self._rate = Fraction(fps).limit_denominator(10_010)
        self._audio = (audio_from, audio_start) if audio_from is not None else None
        self._count = 0
        self._stack = ExitStack()

    def __enter__(self) -> VideoWriter:
        self._part = self._stack.enter_context(atomic_path(self.path.absolute()))
        height, width = (self._shape[i] + self._pad[i] for i in range(2))
        source = ["-f", "rawvideo", "-pix_fmt", "rgba" if self._format.alpha else "rgb24"]
        source += ["-s", f"{width}x{height}", "-framerate", str(self._rate), "-i", "pipe:0"]
        encoder = [*self._format.arguments, *self._format.options]
        arguments = ["-y", *source, *_COLOUR, *encoder, *self._target(self._part)]
        try:
            self._ffmpeg = self._stack.enter_context(Ffmpeg(arguments))
        except BaseException:
            self._stack.close()
            raise
        return self

    def write(self, image: np.ndarray) -> None:
        """Append a frame (H, W, 3) or, for a codec with alpha, (H, W, 4) uint8.

        Raises:
            KmnError: when ffmpeg cannot go on.
        """
        if image.shape != self._shape or image.dtype != np.uint8:
            raise ValueError(f"a frame must be {self._shape} uint8, not {image.shape}")
        if any(self._pad):
            image = cv2.copyMakeBorder(
                image, 0, self._pad[0], 0, self._pad[1], cv2.BORDER_REPLICATE
            )
        try:
            self._ffmpeg.stdin.write(np.ascontiguousarray(image).data)
        except OSError as error:
            raise self._failure(self._ffmpeg.finish()) from error
        self._count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            status = self._ffmpeg.finish()
            if status or not self._count:
                raise self._failure(status)
            if self._audio is not None:
                self._add_audio(*self._audio)

    def _target(self, path: Path) -> list[str]:
        # Players start an .mp4 at once when its index comes first; other containers ignore it.
        return ["-movflags", "+faststart", "-f", self._format.container, str(path)]

    def _failure(self, status: int) -> KmnError:
        complaints = self._ffmpeg.complaints()
        reason = complaints[-1] if complaints else f"ffmpeg ended with status {status}"
        if not self._count and not status:
            reason = "there was no frame to write"
        for text in complaints:
            if "No space left" in text:
                reason = "no space left on the disk"
        return KmnError(
            f"Cannot write {self.path} after {self._count} frames: {reason}.",
            "Check the free space and the permissions of the folder, and run the command again.",
        )

    def _add_audio(self, source: Path, start: float) -> None:
        """Join the finished video with the source's audio: a second, quick pass.

        Only now is the duration known. Cutting at the shorter of both (ffmpeg's -shortest) would
        lose frames of a video whose audio ends early.
        """
        source = existing(source)
        codec = audio_codec(source)
        if codec is None:
            return
        joined = self._part.with_name(f"{self._part.name}.audio.part")
        duration = float(self._count / self._rate)
        video = ["-i", str(self._part)]
        audio = [*INPUT, "-ss", f"{start:.6f}", "-t", f"{duration:.6f}", "-i", str(source)]
        streams = ["-map", "0:v:0", "-map", "1:a:0", "-c:v", "copy", "-map_metadata", "-1"]
        encoders = ["copy"] if codec in self._format.copied_audio else []
        try:
            for encoder in [*encoders, self._format.audio_encoder]:
                target = [*streams, "-c:a", encoder, *self._target(joined)]
                status, complaints = run(["-y", *video, *audio, *target])
                if status == 0:
                    put_in_place(joined, self._part)
                    return
        finally:
            with suppress(OSError):
                joined.unlink()
        reason = complaints[-1] if complaints else f"status {status}"
        self.warnings.append(f"{self.path} has no sound: {source} gave none (ffmpeg: {reason})")
