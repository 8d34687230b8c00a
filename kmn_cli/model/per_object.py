"""One frame's features, for each of its objects."""

from __future__ import annotations

import torch
from torch import Tensor


def for_each_object(x: Tensor, objects: int) -> Tensor:
    """(B, C, H, W) to (B * K, C, H, W): each frame K times, in channels-last layout.

    Nothing is copied for one object or one frame.
    """
    if objects == 1:
        return x
    if len(x) == 1:
        return x.expand(objects, -1, -1, -1)
    return x.repeat_interleave(objects, 0).contiguous(memory_format=torch.channels_last)
