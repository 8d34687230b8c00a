"""What the masks of a training video, or of a still, show: black is behind, all else are objects.

All masks of a video are read in one way, which the first with more than black and white tells:

- indices, small greys and colours of VOC are ids as they stand, and 255 is void;
- other greys of hard edges are an object each, and so are other colours;
- greys of soft edges show one object, which is where they are bright.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.media.label_picture import LabelPicture, load_labels
from kmn_cli.media.label_values import SMALL_ID, number_objects
from kmn_cli.media.labels import Labels, MaskReader, ids_of
from kmn_cli.media.masks import VOID

Way = Callable[[LabelPicture], Labels]


def way_of_video(masks: Sequence[Path]) -> Way:
    """How to read all masks of a video, given in time order.

    Those that cannot be read say nothing.
    """
    for path in masks:
        with suppress(InputError):
            if way := _way(load_labels(path), masks):
                return way
    return _bright


def read_targets(path: Path, way: Way | None = None) -> Labels:
    """Ids (H, W) uint8 of the objects in a mask, 0 the background.

    Args:
        path: of the mask.
        way: of its video; None for a mask that stands alone.

    Raises:
        InputError: it cannot be read, or its colours are not those of a mask.
    """
    try:
        picture = load_labels(path)
    except InputError as error:
        reason = error.message.removeprefix(str(path)).lstrip(": ")
        raise InputError(f"{path}: mask {reason}", error.hint) from error
    return (way or _way(picture) or _bright)(picture)


def _way(picture: LabelPicture, video: Sequence[Path] = ()) -> Way | None:
    """How a mask says to read it and the others of its video; None where it cannot tell."""
    try:
        ids = ids_of(picture)
    except InputError:
        return _painted(video)
    highest = ids.max(initial=0, where=ids < VOID)
    if highest == 0:
        return None
    values = picture.values if picture.values.ndim == 2 else picture.values[..., 0]
    if highest <= SMALL_ID or picture.indexed or not np.array_equal(ids, values):
        return _ids
    return _way_of_greys(ids, video)


def _way_of_greys(greys: Labels, video: Sequence[Path]) -> Way:
    """How a mask of greys that are not all small says to read it.

    Edges are soft where most greys lie on a slope, between a darker and a brighter one beside
    them. Of hard edges only a sliver between two objects does.
    """
    window = np.ones((5, 5), np.uint8)
    slope = (cv2.erode(greys, window) < greys) & (greys < cv2.dilate(greys, window))
    brightest = greys.max()
    if 2 * np.count_nonzero(slope) > np.count_nonzero((greys > 0) & (greys < brightest)):
        return partial(_bright, above=int(brightest) // 2)
    counts, on_slope = (np.bincount(part, minlength=256) for part in (greys.ravel(), greys[slope]))
    seen = np.flatnonzero(counts)
    blended = 2 * on_slope[seen] > counts[seen]
    if blended.mean() > 0.5:  # by far more than there are objects
        return _painted(video)
    return _ids if number_objects(seen, ~blended) else _greys


def _ids(picture: LabelPicture) -> Labels:
    ids = ids_of(picture)
    return np.where(ids == VOID, np.uint8(0), ids)


def _greys(picture: LabelPicture) -> Labels:
    """Ids of greys: themselves, but for white, which would be void."""
    return np.minimum(ids_of(picture), VOID - 1)


def _bright(picture: LabelPicture, above: int = VOID // 2) -> Labels:
    return (ids_of(picture) > above).view(np.uint8)


def _painted(video: Sequence[Path]) -> Way:
    """Numbers colours, all of a video before any is used: its frames are read in any order."""
    reader = MaskReader(allow_empty=True)

    def read(path: Path) -> Labels:
        try:
            return reader.read(path).labels
        except InputError as error:
            raise InputError(f"{path}: its colours are not those of a mask.", error.hint) from error

    for path in video:
        with suppress(InputError):
            read(path)
    return lambda picture: read(picture.path)
