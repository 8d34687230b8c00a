"""One frame from its files to the bytes that are stored, and back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from kmn_cli.data.scan import Pair, read_pair
from kmn_cli.data.targets import Way, way_of_video
from kmn_cli.errors import InputError

CHANNELS = 4  # red, green, blue, object id
AHEAD = 256  # frames decoded before they are written
QUALITY = 95  # of packed pictures


class Stored(NamedTuple):
    """A frame's bytes: (height, width) of raw pixels, or packed the lengths of JPEG and PNG."""

    data: bytes
    first: int
    second: int


class Unusable(NamedTuple):
    """Why a frame cannot be learned from."""

    reason: str
    path: Path


def decode_all(
    clips: Sequence[Sequence[Pair]], short_side: int, pack: bool
) -> Iterator[Stored | Unusable]:
    """The frames of all clips in order, decoded by all cores a bounded number ahead."""

    def decode(item: tuple[Pair, Future[Way] | None]) -> Stored | Unusable:
        return _decode(*item, short_side, pack)

    def items() -> Iterator[tuple[Pair, Future[Way] | None]]:
        for clip in clips:
            is_still = len(clip) == 1
            masks = [pair.mask for pair in clip]
            # Asked for before the frames, it never waits behind them.
            way = None if is_still else pool.submit(way_of_video, masks)
            yield from ((pair, way) for pair in clip)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rest = items()
        while ahead := list(islice(rest, AHEAD)):
            yield from pool.map(decode, ahead)


def reduced_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Width and height at which a picture is stored: smaller ones as they are."""
    scale = min(1.0, short_side / min(height, width))
    return round(width * scale), round(height * scale)


def unpack(jpeg: np.ndarray, png: np.ndarray) -> np.ndarray:
    """A packed frame, (H, W, 4) uint8."""
    image = cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB)
    labels = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
    assert image is not None and labels is not None, "the store is damaged"
    return np.dstack([image, labels])


def _decode(pair: Pair, way: Future[Way] | None, short_side: int, pack: bool) -> Stored | Unusable:
    """Decodes a still, or a frame of a video whose masks are read in one way."""
    try:
        frame = read_pair(pair, None if way is None else way.result())
    except InputError as error:
        return Unusable(error.message.split(": ", 1)[-1].rstrip("."), pair.image)
    if way is None and (reason := _useless(frame[..., 3])):
        return Unusable(reason, pair.mask)
    height, width = frame.shape[:2]
    size = reduced_size(width, height, short_side)
    if size != (width, height):
        image = cv2.resize(frame[..., :3], size, interpolation=cv2.INTER_AREA)
        # INTER_NEAREST would shift the labels by up to half a pixel.
        labels = cv2.resize(frame[..., 3], size, interpolation=cv2.INTER_NEAREST_EXACT)
        frame = np.dstack([image, labels])
    if not pack:
        return Stored(frame.tobytes(), *frame.shape[:2])
    bgr = cv2.cvtColor(frame[..., :3], cv2.COLOR_RGB2BGR)
    jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    png = cv2.imencode(".png", frame[..., 3])[1].tobytes()
    return Stored(jpeg + png, len(jpeg), len(png))


def _useless(labels: np.ndarray) -> str | None:
    if not labels.any():
        return "empty mask"
    return "mask that covers the whole image" if labels.all() else None
