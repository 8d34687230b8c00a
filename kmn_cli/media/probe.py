"""What is known of a video file before its frames are read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from kmn_cli.media.colour import Colour, Turn, colour_of, turn_of
from kmn_cli.media.container import Clock, decoded, open_container, unreadable, video_of
from kmn_cli.media.timeline import DEFAULT_FPS, Timeline, constant, from_times


@dataclass(frozen=True)
class Picture:
    """How the first frame is stored, and so how all frames are given.

    Attributes:
        width, height: as stored, in pixels.
        turn: makes it upright.
        shape: width of a pixel over its height, upright.
        colour: what samples mean.
        interlaced: whether its rows are of two moments.
    """

    width: int
    height: int
    turn: Turn
    shape: Fraction
    colour: Colour
    interlaced: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        size = (self.width, self.height)
        return size[::-1] if self.turn.quarters % 2 else size


@dataclass(frozen=True)
class Probe:
    """A video file: its picture, its timeline, whether it has sound and lacks its end.

    `keyframes` are the times, in ticks of the stream, of the frames from which on it can be
    decoded, by index; empty where times do not tell frames apart.
    """

    picture: Picture
    timeline: Timeline
    keyframes: Mapping[int, int]
    has_audio: bool
    cut_off: bool


def probe(path: Path) -> Probe:
    """Decode the first frame of a file, and read the times of all packets.

    Args:
        path: absolute.

    Raises:
        InputError: it is no readable video, or too large.
    """
    with open_container(path) as container:
        stream = video_of(container, path)
        stream.thread_type = "SLICE"  # those by frames would decode many for the first one
        clock = Clock(container)
        times = _Times(clock, stream)
        packets = times.noted(clock.packets(container))
        frames = decoded(packets, stream)
        frame = next((frame for frame in frames if frame is not None), None)
        if frame is None:
            raise unreadable(path, "none of its frames can be decoded")
        for _ in packets:
            pass
        first = frame.pts and clock.seconds(frame.pts, frame.time_base)
        return Probe(
            picture=_picture(frame, stream),
            timeline=times.timeline(first),
            keyframes={} if clock.is_broadcast else times.keyframes(frame),
            has_audio=bool(container.streams.audio),
            cut_off=times.count < stream.frames or times.end < _announced(container) - 0.5,
        )


class _Times:
    """Notes the times of a stream's packets as they pass.

    Attributes:
        count: of the stream's packets.
        end: of all streams, in seconds.
    """

    def __init__(self, clock: Clock, stream: VideoStream) -> None:
        assert stream.time_base is not None
        self._clock, self._stream, self._unit = clock, stream, stream.time_base
        self._shown: list[float] = []
        self._ticks: list[int] = []
        self._keys: list[int] = []
        self._last = (float("-inf"), 0.0)  # the latest frame's time, and its duration
        self.count = 0
        self.end = 0.0

    def noted(self, packets: Iterator[Packet]) -> Iterator[Packet]:
        """Yield the packets of the stream."""
        for packet in packets:
            ticks = packet.dts if packet.pts is None else packet.pts
            if ticks is not None:
                time = self._clock.seconds(ticks, packet.time_base)
                span = (time, float((packet.duration or 0) * packet.time_base))
                self.end = max(self.end, sum(span))
            if packet.stream_index != self._stream.index:
                continue
            self.count += 1
            if not packet.is_discard and ticks is not None:
                self._shown.append(time)
                self._ticks.append(ticks)
                if packet.is_keyframe:
                    self._keys.append(ticks)
                self._last = max(self._last, span)
            yield packet

    def timeline(self, first: float | None) -> Timeline:
        """Leave out what comes before the first frame that can be decoded.

        Recordings of broadcasts begin in the middle of a group of pictures.
        """
        slack = float(self._unit) / 2
        if not self._shown:  # bare streams have no times
            rate = self._stream.guessed_rate or DEFAULT_FPS
            return constant(self.count, float(rate))
        shown = [time for time in self._shown if first is None or time > first - slack]
        return from_times(shown, self._last[1], self._unit)

    def keyframes(self, first: VideoFrame) -> dict[int, int]:
        """The ticks of keyframes by index, if every packet is a frame with a time of its own."""
        ticks = sorted(set(self._ticks))
        if len(ticks) < self.count or first.pts != ticks[0]:
            return {}
        return {bisect_left(ticks, key): key for key in sorted(self._keys)}


def _announced(container: InputContainer) -> float:
    """The duration that a file claims, where it does not follow from what is there."""
    claims = container.format.name.startswith("matroska")
    return (container.duration or 0) / av.time_base if claims else 0.0


def _picture(frame: VideoFrame, stream: VideoStream) -> Picture:
    turn = turn_of(frame)
    shape = stream.sample_aspect_ratio or Fraction(1)
    return Picture(
        width=frame.width,
        height=frame.height,
        turn=turn,
        shape=1 / shape if turn.quarters % 2 else shape,
        colour=colour_of(frame),
        interlaced=frame.interlaced_frame,
    )
