"""The shades of a label picture: which kind they are of, and which of them is the background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kmn_cli.media.label_picture import LabelPicture
from kmn_cli.media.label_values import TOLERANCE, FlatValues, decode, encode
from kmn_cli.media.palette import palette_array, voc_palette

VOC_IDS = {int(code): i for i, code in reversed(list(enumerate(encode(voc_palette()))))}
_WHITE = {"grey": 255, "colour": 0xFFFFFF}
_SURROUNDS = 0.8  # of the picture's edge: what takes so much of it is behind the objects


@dataclass(frozen=True)
class Shades:
    """The different values of one label picture.

    Attributes:
        kind: "id" where values are ids as they are, "number" where they are larger numbers,
            "grey" and "colour" where somebody painted with them.
        codes: (N,) int64, the values.
        index: (H, W), each pixel's place in `codes`.
        black: the place of black, or of id 0; None where it is not there.
        black_is_behind: whether nothing else can be the background.
    """

    kind: str
    codes: np.ndarray
    index: np.ndarray
    black: int | None
    black_is_behind: bool = False

    @property
    def is_voc(self) -> bool:
        """Whether all are colours of VOC's table."""
        return self.kind == "colour" and VOC_IDS.keys() >= set(self.codes.tolist())

    @property
    def is_white_alone(self) -> bool:
        """Whether white on black is all there is: one object, not number 255."""
        return self.kind == "grey" and set(self.codes.tolist()) <= {0, 255}

    def in_order(self) -> list[int]:
        """Return the places in the order of numbering: colours as they appear, others by value."""
        if self.kind != "colour":
            return list(range(len(self.codes)))
        first = np.unique(self.index, return_index=True)[1]
        return np.argsort(first, kind="stable").tolist()

    def name(self, place: int) -> str:
        """What a value is called in a message."""
        code = int(self.codes[place])
        if code == _WHITE.get(self.kind):
            return "white"
        if self.kind != "colour":
            return f"{self.kind} {code}"
        return f"the colour {tuple(decode(self.codes[[place]])[0].tolist())}"


def shades_of(picture: LabelPicture, flat: FlatValues) -> Shades:
    """Tell of which kind the values of a picture are, and which is black."""
    codes = flat.codes.astype(np.int64)
    if picture.numbers is not None:
        kind, codes = "number", picture.numbers[codes]
    elif not flat.is_grey:
        kind = "colour"
    else:
        kind = "id" if flat.are_ids and not set(codes.tolist()) <= {0, 255} else "grey"
    tolerance = TOLERANCE if flat.changed and kind in _WHITE else 0
    dark = np.flatnonzero(decode(codes).max(-1) <= tolerance)
    if not len(dark) and picture.palette is not None:  # some other index is black
        dark = np.flatnonzero(~palette_array(picture.palette)[flat.codes].any(-1))
    black = int(dark[0]) if len(dark) else None
    return Shades(kind, codes, flat.index, black, picture.has_voc_table)


def find_background(shades: Shades, *, painted: bool) -> int | None:
    """Return the place of the background among the codes; None where there is none.

    It is black (or id 0) where there is any, unless white or a grey goes round the picture and
    black does not: then black was painted on it. Without black it is white, or the value with the
    largest area that reaches the picture's edge.

    Args:
        shades: of the picture.
        painted: whether its values are colours that somebody chose, on a background of a colour.
    """
    if len(shades.codes) < 2 or shades.black_is_behind:
        return shades.black
    index, black = shades.index, shades.black
    edge = np.concatenate([index[0], index[-1], index[1:-1, 0], index[1:-1, -1]])
    share = np.bincount(edge, minlength=len(shades.codes)) / len(edge)
    top = int(share.argmax())
    if black is not None:
        displaced = (
            painted
            and share[top] >= _SURROUNDS
            and share[black] <= 1 - _SURROUNDS
            and np.count_nonzero(index == black) < index.size / 2
            and (shades.kind == "grey" or np.ptp(decode(shades.codes[top])) <= 8)
        )
        return top if displaced else black
    white = np.flatnonzero(shades.codes == _WHITE.get(shades.kind, -1))
    if len(white) and share[white[0]] > 1 - _SURROUNDS:
        return int(white[0])
    likely = [place for place in np.argsort(-share).tolist()[:8] if share[place] > 0]
    return max(likely, key=lambda place: _largest_area(index == place))


def _largest_area(mask: np.ndarray) -> int:
    """Return the pixels of the largest connected area that reaches the edge."""
    _, areas, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    edge = np.unique(np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]]))
    return int(max((stats[i, cv2.CC_STAT_AREA] for i in edge if i), default=0))
