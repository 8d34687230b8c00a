"""From the network's probabilities to labels at the video's size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

VALUES_AT_ONCE = 2**24  # interpolated probabilities in memory


def most_probable(prob: Tensor, ids: Sequence[int]) -> Tensor:
    """The id of the most probable of C channels, the first of equal ones: (C, ...) to uint8.

    Channel by channel: along this axis `max` and `argmax` are many times slower.
    """
    best, labels = prob[0], torch.full_like(prob[0], ids[0], dtype=torch.uint8)
    for plane, i in zip(prob[1:], ids[1:], strict=True):
        labels.masked_fill_(plane > best, i)
        best = torch.maximum(best, plane)
    return labels


def enlarged_labels(prob: Tensor, ids: Sequence[int], height: int, width: int) -> Tensor:
    """The id of the most probable channel after bilinear enlargement, (height, width) uint8.

    Where four neighbours agree on a channel, all between them do, as they are its weighted means:
    only the cells between neighbours that differ are interpolated, which are few.

    Args:
        prob: (C, h, w), with h at most height and w at most width.
        ids: of the channels, all different.
    """
    best = most_probable(prob, ids)
    y = _Axis.of(best.shape[0], height, prob.device)
    x = _Axis.of(best.shape[1], width, prob.device)
    labels = interpolate(best[None], width, mode="nearest")[0].index_select(0, y.cell)
    cells = _mixed(best).nonzero()
    for cy, cx in (part.unbind(1) for part in cells.split(_at_once(len(prob), y, x))):
        rows, down = y.pixels(cy)
        columns, right = x.pixels(cx)
        upper, lower = (
            torch.lerp(prob[:, r, cx, None], prob[:, r, x.next[cx], None], right)
            for r in (cy, y.next[cy])
        )  # (C, cells, columns)
        between = torch.lerp(upper[:, :, None], lower[:, :, None], down[..., None])
        labels[rows[:, :, None], columns[:, None]] = most_probable(between, ids)
    return labels


def _mixed(labels: Tensor) -> Tensor:
    """Where labels (h, w) differ from the next column, the next row, or what is next of both."""
    beside = torch.zeros_like(labels, dtype=torch.bool)
    beside[:, :-1] = labels[:, 1:] != labels[:, :-1]
    mixed = beside.clone()
    mixed[:-1] |= beside[1:] | (labels[1:] != labels[:-1])
    return mixed


def _at_once(channels: int, y: _Axis, x: _Axis) -> int:
    return max(1, VALUES_AT_ONCE // (channels * len(y.steps) * len(x.steps)))


class _Axis(NamedTuple):
    """How the pixels of one axis lie in the cells between its coarse pixels."""

    cell: Tensor  # of each pixel, the coarse one before it
    share: Tensor  # of each pixel, the way to the next coarse one, 0 to 1
    next: Tensor  # of each cell, the next one, or itself at the end
    first: Tensor  # of each cell, its first pixel
    last: Tensor  # of each cell, its last pixel
    steps: Tensor  # 0, 1, … as many as pixels in the fullest cell

    @staticmethod
    @lru_cache(maxsize=16)
    def of(coarse: int, fine: int, device: torch.device) -> _Axis:
        """As torch's `interpolate` has it, with align_corners=False."""
        place = (torch.arange(fine, device=device) + 0.5) * (coarse / fine) - 0.5
        place = place.clamp(0, coarse - 1)
        cell = place.long()
        cells = torch.arange(coarse, device=device)
        first = torch.searchsorted(cell, cells)
        last = torch.searchsorted(cell, cells, right=True) - 1
        steps = torch.arange(int((last - first).max()) + 1, device=device)
        return _Axis(cell, place - cell, (cells + 1).clamp(max=coarse - 1), first, last, steps)

    def pixels(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """The pixels (cells, steps) of some cells and their shares; the last one is repeated in
        cells that hold fewer than others."""
        pixels = torch.minimum(self.first[cells, None] + self.steps, self.last[cells, None])
        return pixels, self.share[pixels]
