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
_NO_MATRIX = (0, 2, 3)  # RGB, not told, reserved
_YCGCO = 8  # which swscale takes for another
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
        code: of the matrix, where swscale does not know it: H.273's.
    """

    matrix: Colorspace
    range: ColorRange
    transfer: str
    primaries: str
    code: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is a way from its matrix to RGB."""
        return self.code in (None, _YCGCO)

    @property
    def is_hdr(self) -> bool:
        """Whether there is more light in it than a screen gives."""
        return self.transfer != "sdr"


def colour_of(frame: VideoFrame) -> Colour:
    """Read the tags of a frame; where there are none, players' conventions hold."""
    hd = frame.width >= 1280 or frame.height > 576
    guess = Colorspace.ITU709 if hd else Colorspace.ITU601
    code = int(frame.colorspace)
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return Colour(
        matrix=_MATRICES.get(code, guess),
        range=ColorRange.JPEG if full else ColorRange.MPEG,
        transfer=_TRANSFERS.get(frame.color_trc, "sdr"),
        primaries=_PRIMARIES.get(frame.color_primaries, "bt709"),
        code=None if code in _MATRICES or code in _NO_MATRIX else code,
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
        if colour.code == _YCGCO:
            return self._turn.apply(self._from_ycgco(frame, colour.range))
        plain = (colour.transfer, colour.primaries) == ("sdr", "bt709")
        planes = self._scale.reformat(
            frame,
            *self._size,
            format="gbrp" if plain else "gbrp12le",  # exact in half the time of rgb24
            src_colorspace=colour.matrix,
            src_color_range=colour.range,
            dst_color_range=ColorRange.JPEG,
            interpolation=_EXACT,
            threads=1,  # more of them cost more than they bring, beside a network
        )
        rgb = _rgb(planes, np.uint8 if plain else np.uint16)
        if not plain:
            key = (colour.transfer, colour.primaries)
            rgb = self._maps.setdefault(key, ToneMap(*key))(rgb)
        return self._turn.apply(rgb)

    def _from_ycgco(self, frame: VideoFrame, levels: ColorRange) -> np.ndarray:
        """Return RGB of luma, greenness and orangeness: screen recorders store so."""
        stored = self._scale.reformat(
            frame,
            *self._size,
            format="yuv444p",
            src_color_range=levels,
            dst_color_range=levels,
            interpolation=_EXACT,
        ).to_ndarray()
        full = levels == ColorRange.JPEG
        luma, chroma, black = (1.0, 1.0, 0) if full else (255 / 219, 255 / 224, 16)
        rgb = np.array([[luma, -chroma, chroma], [luma, chroma, 0], [luma, -chroma, -chroma]])
        offset = rgb @ [-black, -128, -128]
        planes = np.ascontiguousarray(stored.transpose(1, 2, 0), np.uint8)
        return np.asarray(cv2.transform(planes, np.column_stack([rgb, offset])))


def _rgb(frame: VideoFrame, kind: type[np.unsignedinteger]) -> np.ndarray:
    """Return (H, W, 3) of a frame of planes: green, blue and red."""
    green, blue, red = (
        np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)[:, : plane.width]
        for plane in frame.planes
    )
    # Four times as fast as `to_ndarray`; NumPy asks for large pages, OpenCV would not.
    return cv2.merge([red, green, blue], np.empty((frame.height, frame.width, 3), kind))
