"""The part of a frame that the network looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from kmn_cli.errors import InputError
from kmn_cli.inference.frame_size import FrameSize
from kmn_cli.inference.segment_options import SegmentOptions


@dataclass(frozen=True)
class View:
    """A rectangle of the frames of a video, cut out for the network; the rest is background.

    Attributes:
        height, width: of the frames.
        part: rows and columns of the rectangle.
        size: of the rectangle, and of what the network sees of it.
    """

    height: int
    width: int
    part: tuple[slice, slice]
    size: FrameSize

    @classmethod
    def of(cls, height: int, width: int, options: SegmentOptions) -> View:
        """The view of the options on frames of a size.

        Raises:
            InputError: it reaches beyond them.
        """
        x, y, across, down = options.rectangle or (0, 0, width, height)
        if x + across > width or y + down > height:
            raise InputError(
                f"The view {options.view} reaches beyond the frame of {width}x{height}.",
                "A view is x,y,width,height in pixels of the video.",
            )
        size = FrameSize.for_short_side(down, across, options.size)
        return cls(height, width, (slice(y, y + down), slice(x, x + across)), size)

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

    def labels_from_net(self, prob: Tensor, ids: Tensor) -> Tensor:
        """The id (C,) uint8 of the most probable channel of each pixel, (H, W) uint8."""
        return self._whole(self.size.labels_from_net(prob, ids)[None], 0)[0]

    def _whole(self, inside: Tensor, background: int) -> Tensor:
        """What lies in the view, (C, h, w), in its frame, whose rest is background."""
        if inside.shape[1:] == (self.height, self.width):
            return inside
        whole = inside.new_zeros(len(inside), self.height, self.width)
        whole[0] = background
        whole[:, *self.part] = inside
        return whole
