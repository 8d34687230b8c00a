"""Answers frame by frame, for a program: nothing is written, nothing is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.files import natural_key
from kmn_cli.inference.pipeline import Answers
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.frames import Frame
from kmn_cli.media.masks import Mask


class SegmentedFrame(NamedTuple):
    """One frame with its answer.

    Attributes:
        frame_index: of the frame in its source, from 0.
        image: the frame, (H, W, 3) uint8 RGB.
        labels: object ids (H, W) uint8, 0 the background.
        prob: (K + 1, H, W) float32, the background first, then the objects in the order of their
            ids; zeros for one that was not given yet. None unless asked for.
    """

    frame_index: int
    image: np.ndarray
    labels: np.ndarray
    prob: np.ndarray | None


def stream(
    frames: Iterable[Frame],
    segmenter: VideoSegmenter,
    masks: Mapping[str | None, Mask],
    *,
    want_prob: bool,
) -> Iterator[SegmentedFrame]:
    """Segment frames as they come.

    Args:
        frames: in order.
        segmenter: fresh, of this video.
        masks: by a frame's index, as text; None is the first that comes.
        want_prob: also yield probabilities.

    Raises:
        InputError: a mask was for no frame that came.
    """
    ids = sorted({i for mask in masks.values() for i in mask.ids})
    answers, left = Answers(segmenter, ids, want_prob=want_prob), dict(masks)
    for frame in frames:
        names = (None, str(frame.index))
        found = next((left.pop(name) for name in names if name in left), None)
        absent = found.absent if found else ()
        # One that names absent objects only marks none.
        given = None if found is None or (absent and not found.ids) else found.labels
        labels, prob, _ = answers(frame, given, absent)()
        yield SegmentedFrame(frame.index, frame.image, labels, prob)
    if left:
        name = min((str(name) for name in left), key=natural_key)
        raise InputError(
            f"The mask for frame {name} was not used: no such frame came.",
            "Name a frame by its index, from 0, or a picture of a folder by its name.",
        )


def as_frames(images: Iterable[np.ndarray]) -> Iterator[Frame]:
    """Arrays as frames.

    Raises:
        InputError: one is no picture (H, W, 3) uint8.
    """
    for index, image in enumerate(map(np.asarray, images)):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InputError(
                f"Frame {index} is an array of {image.dtype} with shape {image.shape}.",
                "Pass RGB frames as (H, W, 3) uint8.",
            )
        yield Frame(index, str(index), image)
