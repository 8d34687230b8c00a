"""What changes on the way through a video, told once each."""

from __future__ import annotations

from fractions import Fraction

from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from kmn_cli.media.colour import colour_of
from kmn_cli.media.probe import Picture


class Changes:
    """Compares frames with the first; `warnings` says where size, colours or pixels change."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._shape: Fraction | None = None
        self.warnings: list[str] = []
        self._told: set[str] = set()

    def see(self, index: int, frame: VideoFrame, stream: VideoStream) -> None:
        """Look at a frame that has just been decoded."""
        picture = self._picture
        if (frame.width, frame.height) != (picture.width, picture.height):
            self._tell(
                "size",
                f"from frame {index} on frames are {frame.width}x{frame.height}: they are scaled "
                f"to {picture.width}x{picture.height}, the size of the first",
            )
        if colour_of(frame) != picture.colour:
            self._tell(
                "colour", f"the colour tags change at frame {index}: each frame is read by its own"
            )
        shape = stream.codec_context.sample_aspect_ratio or Fraction(1)
        self._shape = self._shape or shape
        if shape != self._shape:
            self._tell(
                "shape",
                f"the shape of its pixels changes from {self._shape} to {shape} near frame "
                f"{index}: masks are at the stored size, videos keep the first shape",
            )

    def _tell(self, what: str, text: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self.warnings.append(text)
