"""Encoded frames put at their times, beside the sound that belongs to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from kmn_cli.media.container import Clock, open_container

_LAYOUTS = {1: "mono", 6: "5.1", 8: "7.1"}  # by channels: sources do not always name theirs


@dataclass(frozen=True)
class Showing:
    """When frames are shown, in seconds by the clock of their source.

    Attributes:
        times: of the frames, increasing.
        end: when the last one ends.
        rate: at which they were encoded; a frame's place is its time at this rate.
        tick: the unit of the times in the file that is written, in seconds.
    """

    times: Sequence[float]
    end: float
    rate: Fraction
    tick: Fraction

    def ticks(self) -> list[int]:
        """Return the times from the first frame on, and the end, in ticks; no two are equal."""
        found: list[int] = []
        for time in [*self.times, self.end]:
            tick = round((time - self.times[0]) / float(self.tick))
            found.append(max(tick, found[-1] + 1) if found else 0)
        return found


@dataclass(frozen=True)
class Sound:
    """The first audio stream of a file, if it has one, and how it is written.

    Attributes:
        source: the file, absolute.
        encoder: ffmpeg's name of one; None copies the stream.
        copied: the codecs that can be copied.
        early: whether a packet may begin before the first frame: players then skip its start.
    """

    source: Path
    encoder: str | None
    copied: frozenset[str]
    early: bool


def mux(encoded: Path, target: Path, container: str, showing: Showing, sound: Sound | None) -> None:
    """Write `target`: the frames of `encoded` at their times, and the sound of just that span.

    Args:
        encoded: a file of one video stream at a constant rate.
        target: the file to write.
        container: ffmpeg's name of its format.
        showing: when the frames are shown.
        sound: None writes none.

    Raises:
        FFmpegError, OSError, ValueError: it cannot be done, the sound's fault included.
    """
    # Players start an .mp4 at once when its index comes first.
    options = {"movflags": "+faststart"} if container in {"mp4", "mov"} else {}
    with (
        av.open(str(encoded)) as video,
        av.open(str(target), "w", format=container, options=options) as output,
    ):
        stream = video.streams.video[0]
        shown = output.add_stream_from_template(stream)
        shown.time_base = showing.tick
        shown.codec_context.codec_tag = stream.codec_tag
        shown.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio
        shown.metadata.update(stream.metadata)  # says that there is alpha
        frames = _frames(video.demux(stream), shown, showing)
        with open_container(sound.source) if sound else nullcontext() as source:
            packets: Iterator[Packet] = iter(())
            if sound is not None and source is not None and source.streams.audio:
                packets = _Track(source, output, sound, showing).packets()
            for packet in merge(frames, packets, key=_decoding_time):
                output.mux(packet)


def _decoding_time(packet: Packet) -> Fraction:
    assert packet.dts is not None
    return packet.dts * packet.time_base


def _frames(packets: Iterator[Packet], stream: VideoStream, showing: Showing) -> Iterator[Packet]:
    ticks = showing.ticks()
    step = max(1, round(1 / showing.rate / showing.tick))

    def at(place: int) -> int:  # before the first frame there are only times of decoding
        return ticks[place] if place >= 0 else place * step

    for packet in packets:
        if not packet.size:
            continue
        assert packet.pts is not None and packet.dts is not None  # an encoder wrote them
        rate = packet.time_base * showing.rate
        place, decoded = round(packet.pts * rate), round(packet.dts * rate)
        packet.pts, packet.dts = at(place), at(decoded)
        packet.duration = ticks[place + 1] - ticks[place]
        packet.time_base = showing.tick
        packet.stream = stream
        yield packet


class _Track:
    """The part of a source's sound that is heard while frames are shown."""

    def __init__(
        self, source: InputContainer, output: OutputContainer, sound: Sound, showing: Showing
    ) -> None:
        self._source, self._sound, self._showing = source, sound, showing
        self._clock = Clock(source)
        self._stream = source.streams.audio[0]
        self._encoder = self._copier = None
        codec = self._stream.codec_context.codec.canonical_name
        if sound.encoder is None:
            if codec not in sound.copied:
                raise ValueError(f"{codec} cannot be copied")
            self._copier = output.add_stream_from_template(self._stream)
            return
        rate = 48_000 if sound.encoder == "libopus" else self._stream.rate
        layout = _LAYOUTS.get(self._stream.channels, "stereo")
        encoder = output.add_stream(sound.encoder, rate=rate, layout=layout)
        assert isinstance(encoder, AudioStream)
        self._encoder = encoder

    def packets(self) -> Iterator[Packet]:
        # Beside the pictures, so that both jump alike where a broadcast's times begin anew.
        both = (self._stream, *self._source.streams.video[:1])
        for packet in self._clock.packets(self._source, *both):
            if packet.stream_index != self._stream.index:
                continue
            if self._encoder is not None:
                yield from self._encoded(packet, self._encoder)
            elif self._place(packet):
                packet.stream = self._copier
                yield packet
        if self._encoder is not None:
            yield from self._encoder.encode(None)

    def _encoded(self, packet: Packet, encoder: AudioStream) -> Iterator[Packet]:
        try:
            frames = self._stream.decode(packet)
        except FFmpegError:  # a damaged piece: the sound goes on after it
            return
        for frame in frames:
            if self._place(frame):
                yield from encoder.encode(frame)

    def _place(self, part: Packet | AudioFrame) -> bool:
        """Count its time from the first frame; False where it is heard before or after all."""
        start, end = self._showing.times[0], self._showing.end
        if part.pts is None:
            return False
        time = self._clock.seconds(part.pts, part.time_base)
        assert part.time_base is not None  # it comes from a container
        length = float((part.duration or 0) * part.time_base)
        begun = time + length > start if self._sound.early else time >= start
        part.pts = round((time - start) / part.time_base)
        if isinstance(part, Packet):
            part.dts = part.pts
        return begun and time < end
