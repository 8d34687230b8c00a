"""What the samples of a decoded frame mean, and the RGB picture that they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from kmn_cli.media.tone_map import ToneMap

# Without these swscale errs by 4 of 255.
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
# H.273's codes of matrices to swscale's.
_MATRICES: dict[int, Colorspace] = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
_TRANSFERS: dict[int, str] = {ColorTrc.SMPTE2084: "pq", ColorTrc.ARIB_STD_B67: "hlg"}
_PRIMARIES: dict[int, str] = {ColorPrimaries.BT2020: "bt2020", ColorPrimaries.SMPTE432: "p3"}


@dataclass(frozen=True)
class Colour:
    """How samples become colours.

    Attributes:
        matrix: swscale's code of the matrix from YUV to RGB.
        range: of the samples: 16..235 (MPEG) or all of them (JPEG).
        transfer: "sdr", "pq" or "hlg".
        primaries: "bt709", "bt2020" or "p3".
    """

    matrix: Colorspace
    range: ColorRange
    transfer: str
    primaries: str

    @property
    def is_hdr(self) -> bool:
        """Whether there is more light in it than a screen gives."""
        return self.transfer != "sdr"


def colour_of(frame: VideoFrame) -> Colour:
    """Read the tags of a frame; where there are none, players' conventions hold."""
    hd = frame.width >= 1280 or frame.height > 576
    guess = Colorspace.ITU709 if hd else Colorspace.ITU601
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return Colour(
        matrix=_MATRICES.get(frame.colorspace, guess),
        range=ColorRange.JPEG if full else ColorRange.MPEG,
        transfer=_TRANSFERS.get(frame.color_trc, "sdr"),
        primaries=_PRIMARIES.get(frame.color_primaries, "bt709"),
    )


@dataclass(frozen=True)
class Turn:
    """How a stored picture becomes upright: first mirrored, then turned by quarters.

    Attributes:
        mirror: left for right.
        quarters: clockwise, 0..3.
    """

    mirror: bool = False
    quarters: int = 0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Return the upright picture."""
        if self.mirror:
            image = cv2.flip(image, 1)
        if self.quarters:
            image = cv2.rotate(image, self.quarters - 1)  # OpenCV's codes are in this order
        return image


def turn_of(frame: VideoFrame) -> Turn:
    """Read a frame's display matrix; one that is no turn by quarters counts as none."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return Turn()
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5] / 65536
    # (x, y) is shown at (a x + c y, b x + d y), with y downwards.
    mirror = a * d - b * c < 0
    if mirror:
        a, b = -a, -b
    quarters = round(float(np.arctan2(b, a)) / (np.pi / 2))
    return Turn(bool(mirror), quarters % 4)


class Developer:
    """Turns decoded frames into RGB pictures of one size, upright.

    Args:
        width, height: of the pictures before they are turned.
        turn: how they are turned.
    """

    def __init__(self, width: int, height: int, turn: Turn) -> None:
        self._size = (width, height)
        self._turn = turn
        self._scale = VideoReformatter()
        self._maps: dict[tuple[str, str], ToneMap] = {}

    def picture(self, frame: VideoFrame) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB."""
        colour = colour_of(frame)
        plain = (colour.transfer, colour.primaries) == ("sdr", "bt709")
        planes = self._scale.reformat(
            frame,
            *self._size,
            # swscale fills planes three times faster than it interleaves, with the same samples.
            format="gbrp" if plain else "gbrp12le",
            src_colorspace=colour.matrix,
            src_color_range=colour.range,
            dst_color_range=ColorRange.JPEG,
            interpolation=_EXACT,
        )
        if plain:
            rgb = _interleaved(planes)
        else:
            key = (colour.transfer, colour.primaries)
            rgb = self._maps.setdefault(key, ToneMap(*key))(planes.to_ndarray())
        return self._turn.apply(rgb)


def _interleaved(frame: VideoFrame) -> np.ndarray:
    """The picture (H, W, 3) of a frame in gbrp."""
    green, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:, : frame.width]
        for plane in frame.planes
    )
    return cv2.merge([red, green, blue])
