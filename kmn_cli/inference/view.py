"""The part of a frame that the network looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from kmn_cli.errors import InputError
from kmn_cli.inference.frame_size import FrameSize
from kmn_cli.inference.segment_options import SegmentOptions

# Of the view that moves with its objects:
ROOM = 2.0  # its height and width, at the least, in those of the objects' box
SHRINK = 0.97  # its height, at the least, in that of the frame before: objects grow again
EDGE = 0.04  # of it: objects that come so near to its edge may be cut by it
FINER = 1.5  # times finer than the frame, at the least: less is lost again by its motion


@dataclass(frozen=True)
class View:
    """A rectangle of the frames of a video, cut out for the network; the rest is background.

    Attributes:
        height, width: of the frames.
        part: rows and columns of the rectangle.
        size: of the rectangle, and of what the network sees of it.
        enlarge: how many times a smaller rectangle may be enlarged to that size.
    """

    height: int
    width: int
    part: tuple[slice, slice]
    size: FrameSize
    enlarge: float = 1.0

    @classmethod
    def of(cls, height: int, width: int, options: SegmentOptions) -> View:
        """The view of the options on frames of a size; one that moves begins with all of them.

        Raises:
            InputError: it reaches beyond them.
        """
        x, y, across, down = options.rectangle or (0, 0, width, height)
        if x + across > width or y + down > height:
            raise InputError(
                f"The view {options.view} reaches beyond the frame of {width}x{height}.",
                "A view is x,y,width,height in pixels of the video.",
            )
        size = FrameSize.for_short_side(down, across, options.size, options.enlarge)
        part = (slice(y, y + down), slice(x, x + across))
        return cls(height, width, part, size, options.enlarge)

    @property
    def rectangle(self) -> tuple[int, int, int, int]:
        """x, y, width and height."""
        rows, columns = self.part
        return columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start

    def at(self, x: int, y: int, width: int, height: int) -> View:
        """Another rectangle, which the network sees at the same size."""
        part = (slice(y, y + height), slice(x, x + width))
        return replace(self, part=part, size=replace(self.size, height=height, width=width))

    @property
    def whole(self) -> View:
        """The whole frame, which the network sees at the same size."""
        return self.at(0, 0, self.width, self.height)

    def shows(self, labels: np.ndarray) -> bool:
        """Whether all objects of labels (H, W) are in the view, and none so near to its edge that
        it may be cut; not where there are none."""
        box = _box(labels)
        if box is None:
            return False
        x, y, width, height = self.rectangle
        near_x, near_y = EDGE * width, EDGE * height
        return (
            (x == 0 or box[0] >= x + near_x)
            and (y == 0 or box[1] >= y + near_y)
            and (x + width == self.width or box[2] <= x + width - near_x)
            and (y + height == self.height or box[3] <= y + height - near_y)
        )

    def around(self, labels: np.ndarray, least: float = 0.0) -> View:
        """The view of the frame's shape that has room for all objects of labels (H, W).

        It is the frame where there are none, or where it would hardly be finer; and never so small
        that pixels would be enlarged more than they may be.

        Args:
            least: height in pixels.
        """
        box = _box(labels)
        if box is None:
            return self.whole
        left, top, right, bottom = box
        shape = self.width / self.height
        finest = self.size.net_height / self.enlarge, self.size.net_width / self.enlarge
        wanted = max(ROOM * max(bottom - top, (right - left) / shape), finest[0])
        if wanted * FINER > self.height:
            return self.whole
        height = min(self.height, round(max(wanted, least)))
        width = min(self.width, max(round(height * shape), round(finest[1])))
        x = min(max(0, (left + right - width) // 2), self.width - width)
        y = min(max(0, (top + bottom - height) // 2), self.height - height)
        return self.at(x, y, width, height)

    def after(self, labels: np.ndarray) -> View:
        """The view of the next frame, when labels (H, W) were found in this one.

        It grows at once and shrinks slowly; where an object may be cut, it is the frame.
        """
        if not self.shows(labels):
            return self.whole
        return self.around(labels, SHRINK * self.size.height)

    def image_to_net(self, image: Tensor) -> Tensor:
        """Image (H, W, 3) uint8 to (1, 3, H', W') in [0, 1]; see `FrameSize`."""
        return self.size.image_to_net(image[self.part])

    def mask_to_net(self, mask: Tensor) -> Tensor:
        """Mask (H, W) bool to (H', W') in [0, 1]; see `FrameSize`."""
        return self.size.mask_to_net(mask[self.part])

    def shares(self, labels: Tensor, ids: Sequence[int]) -> dict[int, float]:
        """How much of each object of labels (H, W) lies in the view, 0 to 1."""
        inside, all_of = (
            each.flatten().bincount(minlength=256) for each in (labels[self.part], labels)
        )
        return {i: int(inside[i]) / int(all_of[i]) for i in ids}

    def too_coarse_for(self, labels: Tensor, ids: Sequence[int]) -> dict[int, int | None]:
        """Which objects of labels (H, W) are too small; see `FrameSize`."""
        return self.size.too_coarse_for(labels[self.part], ids)

    def prob_from_net(self, prob: Tensor) -> Tensor:
        """Probabilities (C, H', W'), background first, to (C, H, W)."""
        return self._whole(self.size.prob_from_net(prob), 1)

    def soft_from_net(self, prob: Tensor) -> Tensor:
        """The same in eight bits, 255 is certain."""
        return self._whole(self.size.soft_from_net(prob), 255)

    def labels_from_net(self, prob: Tensor, ids: Sequence[int]) -> Tensor:
        """The id of the most probable of C channels of each pixel, (H, W) uint8."""
        return self._whole(self.size.labels_from_net(prob, ids)[None], 0)[0]

    def _whole(self, inside: Tensor, background: int) -> Tensor:
        """What lies in the view, (C, h, w), in its frame, whose rest is background."""
        if inside.shape[1:] == (self.height, self.width):
            return inside
        whole = inside.new_zeros(len(inside), self.height, self.width)
        whole[0] = background
        whole[:, *self.part] = inside
        return whole


def _box(labels: np.ndarray) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of all objects of labels (H, W); None where there are none."""
    columns, rows = np.flatnonzero(labels.any(0)), np.flatnonzero(labels.any(1))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
