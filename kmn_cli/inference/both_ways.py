"""Both directions: which frames are followed backwards, and how two answers become one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kmn_cli.files import atomic_path
from kmn_cli.inference.segmenter import Prediction
from kmn_cli.media.exports.targets import png
from kmn_cli.media.frames import Frame
from kmn_cli.media.images import load_image
from kmn_cli.media.masks import write_mask

Given = Mapping[int, frozenset[int]]  # ids of objects, by the index of the frame of a mask


@dataclass(frozen=True)
class Stretch:
    """Frames that one segmenter follows backwards.

    Attributes:
        top: the frame whose given mask it starts from.
        first: the last frame it comes to, of the lowest index.
    """

    top: int
    first: int

    def __contains__(self, index: int) -> bool:
        return self.first <= index < self.top


def find_stretches(given: Given, absent: Given, first: int, *, everywhere: bool) -> list[Stretch]:
    """What is to be followed backwards, from the end of the video to its beginning.

    Args:
        given: the objects that masks mark.
        absent: those that they name as not there, which are not followed beyond.
        first: index of the first frame.
        everywhere: follow the objects of later masks, too, and not only those of the first mask.
            A mask that names all objects known there starts anew, so that a correction beyond
            it changes nothing before it.
    """
    away = {index: absent.get(index, frozenset()) for index in given}
    tops = sorted((index for index in given if given[index] or away[index]), reverse=True)
    if not everywhere:
        tops = [index for index in tops if given[index]][-1:]
    found: list[Stretch] = []
    known: frozenset[int] = frozenset()
    starts: list[int] = []
    for index in tops:
        if given[index] | away[index] >= known:
            starts.append(index)
        known = (known | given[index]) - away[index]
    for top, below in zip(starts, [*starts[1:], first - 1], strict=True):
        if below + 1 < top and given[top]:
            found.append(Stretch(top, below + 1))
    return found


class AnswerSpool:
    """A sink that keeps answers in a folder until they are wanted in another order."""

    def __init__(self, folder: Path, *, wants_soft: bool) -> None:
        self.folder, self.wants_soft = folder, wants_soft
        self.warnings: list[str] = []

    def __enter__(self) -> AnswerSpool:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def path(self, index: int) -> Path:
        """Of a frame's labels; it is there when the answer is whole."""
        return self.folder / f"{index:06d}.png"

    def write(self, index: int, frame: Frame, labels: np.ndarray, soft: np.ndarray | None) -> None:
        """Keep the answer of one frame."""
        if soft is not None:
            with atomic_path(self._soft_path(index)) as part:
                part.write_bytes(png(soft.reshape(-1, soft.shape[2])))
        write_mask(self.path(index), labels)

    def read(self, index: int) -> Prediction:
        """The answer of a frame that was written."""
        labels = np.array(load_image(self.path(index)))
        if not self.wants_soft:
            return Prediction(labels)
        soft = np.asarray(load_image(self._soft_path(index)))
        return Prediction(labels, soft=soft.reshape(-1, *labels.shape))

    def _soft_path(self, index: int) -> Path:
        return self.folder / f"{index:06d}-soft.png"


class Backward:
    """The answers of the way back, which the way forwards takes up.

    Args:
        spools: with the stretches they hold.
        given: the objects that masks mark.
        absent: those that they name as not there.
        object_ids: of the video, in the order of the soft maps.
    """

    def __init__(
        self,
        spools: Sequence[tuple[Stretch, AnswerSpool]],
        given: Given,
        absent: Given,
        object_ids: Sequence[int],
    ) -> None:
        self._spools, self._object_ids = spools, tuple(object_ids)
        self._tops: dict[int, list[int]] = {}  # frames whose mask names an object
        self._absent: dict[int, set[int]] = {}  # those of them that it is not in
        for i in object_ids:
            self._absent[i] = {frame for frame, ids in absent.items() if i in ids}
            marked = {frame for frame, ids in given.items() if i in ids}
            self._tops[i] = sorted(marked | self._absent[i])

    def holds(self, index: int) -> bool:
        """Whether there is an answer for a frame."""
        return any(index in stretch for stretch, _ in self._spools)

    def read(self, index: int) -> Prediction:
        """The answer for a frame."""
        return next(spool for stretch, spool in self._spools if index in stretch).read(index)

    def join(self, index: int, forward: Prediction, mask: np.ndarray | None) -> Prediction:
        """Both answers for a frame, each object's weighted by how near its given masks are.

        Args:
            index: of a frame that `holds`.
            forward: with soft maps of all objects of the video.
            mask: given for this frame: its pixels stay as they are.
        """
        shares = [self._share(i, index) for i in self._object_ids]
        if not any(shares):
            return forward
        backward = self.read(index).soft
        assert forward.soft is not None and backward is not None
        soft, labels = np.empty_like(backward), np.zeros_like(forward.labels)
        best = np.zeros(labels.shape, np.float32)
        background = best + 255
        for channel, (object_id, share) in enumerate(zip(self._object_ids, shares, strict=True), 1):
            one, other = forward.soft[channel], backward[channel]
            plane = cv2.addWeighted(one, 1 - share, other, share, 0, dtype=cv2.CV_32F)
            soft[channel] = np.rint(plane)
            labels[plane > best] = object_id
            np.maximum(best, plane, out=best)
            background -= plane
        soft[0] = np.rint(background.clip(0))
        labels[background >= best] = 0
        if mask is not None:
            labels = np.where(mask > 0, mask, labels)
        return Prediction(labels, soft=soft)

    def _share(self, object_id: int, index: int) -> float:
        """Of the way back in the answer for an object.

        A frame that it is said to be absent from tells nothing of those before, up to which it was
        followed, nor of those behind, from which it is followed back.
        """
        frames, absent = self._tops[object_id], self._absent[object_id]
        place = bisect_right(frames, index)
        top = next(stretch.top for stretch, _ in self._spools if index in stretch)
        if place == len(frames) or frames[place] > top:
            return 0.0
        if frames[place] in absent:
            return 0.0
        if place == 0 or frames[place - 1] in absent:
            return 1.0
        return (index - frames[place - 1]) / (frames[place] - frames[place - 1])
