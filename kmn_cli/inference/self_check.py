"""Whether a network reads the mask it was just given."""

from __future__ import annotations

import numpy as np

from kmn_cli.inference.network import Network
from kmn_cli.inference.segment_options import SegmentOptions
from kmn_cli.inference.segmenter import VideoSegmenter


def self_check(
    network: Network,
    frame: np.ndarray,
    mask: np.ndarray,
    options: SegmentOptions | None = None,
) -> dict[int, float]:
    """Segments a frame from its own mask: memory and query are the same picture.

    Whoever reads the memory repeats the mask; a low answer says that the network takes something
    else for the object, and will in the frames to come.

    Args:
        network: made by `ready_for_inference`.
        frame: (H, W, 3) uint8 RGB.
        mask: (H, W) uint8 object ids, at least one.
        options: how to segment; None is what the network says it is best at.

    Returns:
        Intersection over union with the mask, 0 to 1, of each object.

    Raises:
        InputError: the mask is empty or of another size.
    """
    segmenter = VideoSegmenter(network, options)
    segmenter.step(frame, mask)
    answer = segmenter.step(frame).labels
    return {
        object_id: float(
            ((answer == object_id) & (mask == object_id)).sum()
            / ((answer == object_id) | (mask == object_id)).sum()
        )
        for object_id in segmenter.object_ids
    }
