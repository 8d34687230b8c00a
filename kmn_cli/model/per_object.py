"""One frame's features, for each of its objects."""

from __future__ import annotations

from torch import Tensor


def for_each_object(x: Tensor, objects: int) -> Tensor:
    """(B, C, H, W) to (B * K, C, H, W): each frame K times, in channels-last layout.

    Nothing is copied for one object or one frame.
    """
    if objects == 1:
        return x
    if len(x) == 1:
        return x.expand(objects, -1, -1, -1)
    rows = x.permute(0, 2, 3, 1)[:, None]  # in the layout's own order: its gradient keeps it, too
    return rows.expand(-1, objects, -1, -1, -1).flatten(0, 1).permute(0, 3, 1, 2)
