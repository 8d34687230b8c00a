"""What a network takes for the object when it is shown a rough mask of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kmn_cli.inference.loaded import LoadedNetwork
from kmn_cli.inference.segmenter import VideoSegmenter


def second_look(network: LoadedNetwork) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a function from a picture (h, w, 3) uint8 RGB and a rough mask (h, w) bool of one
    object to its probability (h, w) float32.

    The picture is memorized with the mask, and segmented again: cells that look alike agree on
    whether they are of the object.
    """

    def look(image: np.ndarray, guess: np.ndarray) -> np.ndarray:
        segmenter = VideoSegmenter(network.ready, network.options(size=0))
        segmenter.step(image, guess.astype(np.uint8))
        prob = segmenter.step(image, want_prob=True).prob
        assert prob is not None
        return prob[1]

    return look
