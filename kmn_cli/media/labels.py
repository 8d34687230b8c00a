"""The one reader of label pictures.

There are two ways to take one. `read_ids` takes what stands there, as a scorer must: a value is the
same object in every file, and nothing is repaired. `MaskReader` (`read_mask` for a single file)
finds out what a person meant who gave a mask: which value is the background, which colour is which
object, and which pixels are only smoothed edges.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from kmn_cli.errors import InputError
from kmn_cli.media.label_picture import LabelPicture, load_labels
from kmn_cli.media.label_shades import VOC_IDS, Shades, find_background, shades_of
from kmn_cli.media.label_values import FlatValues, NotAMaskError, decode, encode, flatten
from kmn_cli.media.masks import MAX_OBJECTS, VOID, Mask, check_size
from kmn_cli.media.palette import voc_palette

Labels = npt.NDArray[np.uint8]
_TOLD = 8  # values of a mask that a warning names


def read_ids(path: Path, size: tuple[int, int] | None = None, *, binary: bool = False) -> Labels:
    """Return the ids (H, W) uint8 that stand in a file: indices, greys, or colours of VOC.

    Args:
        path: of the file.
        size: (width, height) that it must have; None takes any.
        binary: every pixel that is not black is object 1, whatever the file's mode.

    Raises:
        InputError: it cannot be read, has another size, or its values do not tell ids.
    """
    picture = load_labels(path)
    check_size(path, picture.size, size)
    return ids_of(picture, binary=binary)


def ids_of(picture: LabelPicture, *, binary: bool = False) -> Labels:
    """Return the ids of a picture that is loaded: see `read_ids`."""
    values = picture.values
    if binary:
        return np.asarray(values.any(-1) if values.ndim == 3 else values != 0).view(np.uint8)
    if values.ndim == 2 and picture.numbers is None:
        return values
    if values.ndim == 3:
        codes, place = np.unique(encode(values), return_inverse=True)
        if VOC_IDS.keys() >= set(codes.tolist()):
            ids = np.array([VOC_IDS[int(code)] for code in codes], np.uint8)
            return ids[place.reshape(values.shape[:2])]
        if (values == values[..., :1]).all():
            return np.ascontiguousarray(values[..., 0])
    what = "colours" if values.ndim == 3 else "numbers above 255"
    raise InputError(
        f"{picture.path}: its {what} do not tell the ids of the objects.",
        "Save masks as 8-bit palette PNGs whose index is the object's id.",
    )


def read_mask(
    path: str | Path, size: tuple[int, int] | None = None, *, allow_empty: bool = False
) -> Mask:
    """Read a mask that stands alone: see `MaskReader`."""
    return MaskReader(size, allow_empty=allow_empty).read(Path(path))


class MaskReader:
    """Reads the masks of one video, in all of which a colour or value is the same object."""

    def __init__(
        self,
        size: tuple[int, int] | None = None,
        *,
        shown: tuple[int, int] | None = None,
        allow_empty: bool = False,
    ) -> None:
        """Prepare to read.

        Args:
            size: (width, height) that masks must have; None takes any.
            shown: another size that they may have: that on a screen, where pixels of the video
                are not square.
            allow_empty: whether a mask without an object is fine, as in later frames.
        """
        self._size, self._shown = size, shown
        self._allow_empty = allow_empty
        self._ids: dict[bool, dict[int, int]] = {True: {}, False: {}}  # is it a colour; the shade
        self._background: tuple[str, int] | None = None  # where it is not black
        self._decided = False

    def read(self, path: Path) -> Mask:
        """Read object ids from a P, L, 1, I;16, RGB or RGBA picture.

        Indices and small grey values are ids as they are; {0, v} is one object; other exact
        colours become ids by the VOC palette when all are in it, else in order of first
        appearance; other greys and numbers are counted, with a warning, unless those of the masks
        before were ids. Smoothed edges are repaired and a background other than black is found,
        both with a warning.

        Raises:
            InputError: when it cannot be read, has another size, shows no object, or is no mask.
        """
        picture = load_labels(path).as_painted()
        is_as_shown = picture.size == self._shown
        if not is_as_shown:
            check_size(path, picture.size, self._size)
        try:
            mask = self._number(picture, flatten(picture.values, indices=picture.indexed))
        except NotAMaskError as error:
            raise InputError(
                f"{path} does not look like a mask: {error}.",
                "Give each object one flat colour on black and save as PNG without smoothing; "
                "`kmn init-mask` draws a first mask.",
            ) from error
        if not (self._allow_empty or mask.ids or mask.absent):
            raise InputError(
                f"{path} marks no object: every pixel is background.",
                "Paint each object with an id or a colour other than black.",
            )
        if is_as_shown and self._size and picture.size != self._size:
            labels = cv2.resize(mask.labels, self._size, interpolation=cv2.INTER_NEAREST_EXACT)
            return replace(mask, labels=labels)
        return mask

    def _number(self, picture: LabelPicture, flat: FlatValues) -> Mask:
        shades = shades_of(picture, flat)
        background = self._find_background(shades, painted=not picture.transparent)
        known = set(self._ids[False])
        ids = self._ids_of(shades, background, indexed=picture.indexed)
        if background is not None:
            ids[background] = 0
        warnings = _renumbered(shades, ids, known)
        if changed := max(flat.changed, picture.softened):
            warnings.append(
                f"smoothed edges: {changed} pixels of blended colours were given to the nearest "
                f"of {len(flat.codes)} flat colours"
            )
        if background is not None and background != shades.black:
            warnings.append(
                f"{shades.name(background)} is taken for the background, for it surrounds the "
                "rest; if it is not, write ids: 0 the background, 1, 2, … the objects"
            )
        if (shades.kind == "id" or shades.is_voc) and VOID in ids and np.count_nonzero(ids) > 1:
            ids[ids == VOID] = 0
            warnings.append("id 255 (void) is read as background")
        palette = picture.palette if shades.kind == "id" else self._palette(shades.kind)
        said = tuple(f"{picture.path}: {text}" for text in warnings)
        return Mask(ids.astype(np.uint8)[flat.index], palette, said, picture.absent)

    def _find_background(self, shades: Shades, *, painted: bool) -> int | None:
        """Return its place among the codes: what it was in the masks before, or found."""
        if not self._decided:
            place = find_background(shades, painted=painted)
            self._decided = place is not None
            if place is not None and place != shades.black:
                self._background = (shades.kind, int(shades.codes[place]))
            return place
        if self._background is None or self._background[0] != shades.kind:
            return shades.black
        if shades.kind == "id" and shades.black is not None:
            raise NotAMaskError(
                f"it has id 0, while the masks before it have id {self._background[1]} where "
                "nothing is; write 0 there in all of them"
            )
        same = np.flatnonzero(shades.codes == self._background[1])
        return int(same[0]) if len(same) else None

    def _ids_of(self, shades: Shades, background: int | None, *, indexed: bool) -> np.ndarray:
        """Return the id of each shade: what it had in the masks before, its own, or the next."""
        is_colour = shades.kind == "colour"
        table = self._ids[is_colour]
        codes = {p: int(shades.codes[p]) for p in shades.in_order() if p != background}
        counted = any(table.get(code, code) != code for code in codes.values())
        if shades.kind == "id" and (indexed or not counted):
            table.update({code: code for code in codes.values() if code not in table})
            return shades.codes.copy()
        were_ids = bool(table) and all(code == value for code, value in table.items())
        ids = np.zeros(len(shades.codes), np.int64)
        for place, code in codes.items():
            if code not in table:
                free = set(range(1, MAX_OBJECTS + 1)).difference(table.values())
                if not free:
                    raise NotAMaskError(f"it has more than {MAX_OBJECTS} different colours")
                wanted = code if were_ids and not is_colour else 0
                if shades.is_voc:
                    wanted = VOC_IDS[code]
                elif shades.is_white_alone:
                    wanted = 1
                table[code] = wanted if wanted in free | {1} else min(free)
            ids[place] = table[code]
        return ids

    def _palette(self, kind: str) -> bytes | None:
        if kind != "colour":
            return None
        palette = voc_palette().copy()
        table = self._ids[True]
        palette[list(table.values())] = decode(np.array(list(table), np.int64))
        return palette.tobytes()


def _renumbered(shades: Shades, ids: np.ndarray, known: set[int]) -> list[str]:
    """What is to be said, once in a video, of greys or numbers that are not their objects' ids."""
    pairs = [(int(c), int(i)) for c, i in zip(shades.codes, ids, strict=True) if i]
    new = [pair for pair in pairs if pair[0] not in known]
    if shades.kind == "colour" or len(pairs) < 2 or all(code == i for code, i in new):
        return []
    told = ", ".join(f"{code} is object {i}" for code, i in new[:_TOLD])
    more = f", … {len(new) - _TOLD} more" if len(new) > _TOLD else ""
    return [f"its values are counted: {told}{more}; palette PNGs keep theirs"]
