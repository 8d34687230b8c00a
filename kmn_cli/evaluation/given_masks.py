"""The masks that a benchmark gives to the method: each object's first, and nothing more."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kmn_cli.evaluation.davis import is_black_and_white
from kmn_cli.evaluation.predicted_ids import ids_in
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.media.labels import Labels, read_ids
from kmn_cli.media.layouts import Video
from kmn_cli.media.masks import VOID


def given_files(video: Video, protocol: Protocol) -> tuple[Path, ...]:
    """The masks among which those are that the method is given."""
    davis = protocol in (Protocol.DAVIS2016, Protocol.DAVIS2017)
    return video.truth[:1] if davis else video.truth


class GivenMasks:
    """Hands out the masks of one video by the frame's name, once each, in time order."""

    def __init__(self, video: Video, protocol: Protocol) -> None:
        self._masks = {path.stem: path for path in given_files(video, protocol)}
        self._binary = protocol is Protocol.DAVIS2016 or (
            protocol is Protocol.FOLDER and is_black_and_white(video)
        )
        self._given: set[int] = set()

    def __call__(self, name: str) -> Labels | None:
        """The objects (H, W) uint8 that this frame's mask shows for the first time, or None."""
        path = self._masks.get(name)
        if path is None:
            return None
        labels = read_ids(path, binary=self._binary)
        new = [i for i in ids_in(labels) if i != VOID and i not in self._given]
        if not new:
            return None
        self._given.update(new)
        return np.where(np.isin(labels, new), labels, np.uint8(0))


def only_gives_objects(video: Video) -> bool:
    """Whether a video's masks are no ground truth: fewer than its frames, and each object in one.

    Raises:
        InputError: a mask cannot be read.
    """
    if len(video.truth) >= len(video.frames):
        return False
    seen: set[int] = set()
    for path in video.truth:
        shown = set(ids_in(read_ids(path)))
        if not shown or shown & seen:
            return False
        seen |= shown
    return True
