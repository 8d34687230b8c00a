"""Video files opened with PyAV: their packets on one clock, their frames in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import av.logging
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from kmn_cli.errors import InputError
from kmn_cli.media.images import MAX_PIXELS, too_large

# A playlist that calls itself a video must not make ffmpeg open network addresses.
_LIMITS = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}
_SEAM = 2  # packets, at the most, between one that is called corrupt and the next recording
_JUMP = 10.0  # seconds: a longer gap in a broadcast is another recording


def open_container(path: Path) -> InputContainer:
    """Open a video file; the caller closes it.

    Args:
        path: absolute, lest it be taken for an address.

    Raises:
        InputError: when it cannot be read.
    """
    try:
        return av.open(str(path), options=dict(_LIMITS), metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise unreadable(path, reason) from error


def video_of(container: InputContainer, path: Path) -> VideoStream:
    """Return the first video stream that is not a cover picture, ready to be decoded.

    Raises:
        InputError: when there is none, or nothing can decode it.
    """
    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    found = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not found:
        raise InputError(
            f"{path} has no video in it.", "Give a video file, or a folder of pictures."
        )
    stream = found[0]
    if stream.codec_context is None:
        raise unreadable(path, "its codec is not known")
    if stream.width * stream.height > MAX_PIXELS:
        raise too_large(path, f"{stream.width}x{stream.height}")
    stream.codec_context.options = dict(_LIMITS)
    stream.thread_type = "AUTO"
    return stream


def unreadable(path: Path, reason: str) -> InputError:
    """Return the error for a file that is no video, or a damaged or too large one."""
    if size := _refused_size(path):
        return too_large(path, size)
    return InputError(
        f"{path} cannot be read as a video ({reason}).",
        "Check that it plays; a file whose recording or copying was cut off must be made anew.",
    )


class KeyframeMissed(Exception):
    """A file must be decoded from its start after all."""


class Clock:
    """Puts the packets of a container on one clock that starts with the container.

    Recordings of broadcasts begin anywhere, and where two were put together their times begin
    again: later times then go on from the earlier ones, for all streams alike.

    Attributes:
        is_broadcast: whether such a thing may happen.
    """

    def __init__(self, container: InputContainer) -> None:
        self._zero = max(container.start_time or 0, 0) / av.time_base
        self.is_broadcast = container.format.name in {"mpegts", "mpeg"}
        self._newest = 0.0
        self._shift: dict[int, float] = {}  # seconds, by stream
        self._next: dict[int, float] = {}  # when the stream goes on

    def seconds(self, ticks: int, unit: Fraction | None) -> float:
        """Return a time of `packets`, or of their frames, in seconds from the start."""
        assert unit is not None  # it is known of all that comes from a container
        return float(ticks * unit) - self._zero

    def packets(self, container: InputContainer, *streams: Stream) -> Iterator[Packet]:
        """Yield the packets with times on this clock; they end where a file is cut off."""
        with suppress(FFmpegError):
            for packet in container.demux(*streams):
                if packet.size:
                    self._place(packet)
                    yield packet

    def _place(self, packet: Packet) -> None:
        if not self.is_broadcast or packet.dts is None:
            return
        index, unit = packet.stream_index, float(packet.time_base)
        own = packet.dts * unit
        time = own + self._shift.get(index, 0.0)
        due = self._next.get(index, time)
        if not due - 0.1 < time < due + _JUMP:
            shift = self._newest  # where another stream has jumped already, by as much
            if shift == self._shift.get(index, 0.0) or abs(own + shift - due) > 0.5:
                shift = self._newest = due - own
            self._shift[index] = shift
            time = own + shift
        self._next[index] = time + (packet.duration or 0) * unit
        ticks = round(self._shift.get(index, 0.0) / unit)
        packet.dts += ticks
        if packet.pts is not None:
            packet.pts += ticks


def decoded(packets: Iterator[Packet], stream: VideoStream) -> Iterator[VideoFrame | None]:
    """Yield the frames of packets in the order in which they are shown; None for damage.

    A packet is called corrupt, too, where a recording ends and another one, which begins with a
    keyframe, was joined to it: that is no damage.
    """
    doubt = 0  # packets until one that was called corrupt was so
    for packet in chain(packets, [None]):  # None asks for those that the decoder still holds
        if packet is not None and packet.is_keyframe:
            doubt = 0
        elif doubt:
            doubt -= 1
            if not doubt or packet is None:
                yield None
        if packet is not None and packet.is_corrupt:
            doubt = _SEAM
        try:
            frames = stream.decode(packet)
        except FFmpegError:
            yield None
            continue
        for frame in frames:
            if frame.is_corrupt:
                yield None
            frame.time_base = stream.time_base
            yield frame


def decoded_from(
    ticks: int, container: InputContainer, clock: Clock, stream: VideoStream
) -> Iterator[VideoFrame | None]:
    """Yield the frames from a keyframe on, as `decoded` does.

    Args:
        ticks: when the keyframe is shown.
        container: that has just been opened.

    Raises:
        KeyframeMissed: it cannot be gone to.
    """
    try:
        container.seek(ticks, stream=stream)
    except FFmpegError as error:
        raise KeyframeMissed from error
    frames = decoded(clock.packets(container, stream), stream)
    for frame in frames:  # some may come from before the keyframe
        if frame is not None and (frame.pts is None or frame.pts >= ticks):
            if frame.pts != ticks:
                break
            return chain([frame], frames)
    raise KeyframeMissed


def _refused_size(path: Path) -> str | None:
    """The size of a picture that ffmpeg refused for its size; only its log tells."""
    before = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with (
            av.logging.Capture() as log,
            suppress(FFmpegError, OSError, ValueError, IndexError),
            av.open(str(path), options=dict(_LIMITS)) as container,
        ):
            next(container.decode(video=0), None)
    finally:
        av.logging.set_level(before)
    text = "".join(message for _, _, message in log)
    refused = re.search(r"Picture size (\d+x\d+) (exceeds|is invalid)", text)
    return refused[1] if refused else None
