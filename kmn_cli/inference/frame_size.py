"""From the video's size to the network's and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kmn_cli.inference.enlarge import enlarged_labels, most_probable

STRIDE = 16
FINEST_CELL = 4 * 4  # pixels of the decoder's map of the highest resolution


@dataclass(frozen=True)
class FrameSize:
    """The size of a video's frames, and the size at which the network sees them.

    Attributes:
        height, width: of the video.
        net_height, net_width: after scaling, before padding to multiples of 16.
    """

    height: int
    width: int
    net_height: int
    net_width: int

    @classmethod
    def for_short_side(
        cls, height: int, width: int, short_side: int, enlarge: float = 1.0
    ) -> FrameSize:
        """Scales the short side to `short_side` pixels; 0 keeps the size, and what is smaller is
        enlarged `enlarge` times at most."""
        scale = min(enlarge, short_side / min(height, width)) if short_side else 1.0
        return cls(height, width, max(1, round(height * scale)), max(1, round(width * scale)))

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Left, right, top and bottom, the smaller half first (STM)."""
        x, y = -self.net_width % STRIDE, -self.net_height % STRIDE
        return (x // 2, x - x // 2, y // 2, y - y // 2)

    def image_to_net(self, image: Tensor) -> Tensor:
        """Image (H, W, 3) uint8 to a padded (1, 3, H', W') in [0, 1]; the padding is black."""
        frame = image.permute(2, 0, 1)[None]
        size = (self.net_height, self.net_width)
        if size != (self.height, self.width):
            if frame.device.type != "cpu":  # which has a kernel for bytes, ten times faster
                frame = frame.float()
            frame = functional.interpolate(frame, size, mode="bilinear", antialias=True)
        return functional.pad(frame.float() / 255, self.padding)

    def mask_to_net(self, mask: Tensor) -> Tensor:
        """Mask (H, W) bool to padded (H', W') in [0, 1]: shares of area, as of the image, so that
        nothing is too small to leave a trace."""
        plane = mask[None, None].float()
        size = (self.net_height, self.net_width)
        if size != (self.height, self.width):
            plane = functional.interpolate(plane, size, mode="bilinear", antialias=True)
        return functional.pad(plane, self.padding)[0, 0]

    def too_coarse_for(self, labels: Tensor, ids: Sequence[int]) -> dict[int, int | None]:
        """Which objects of labels (H, W) fill less than one cell of the decoder's finest map, and
        the short side in pixels at which they fill it; None where they never do."""
        counts = labels.flatten().bincount(minlength=256)
        shrinks = min(self.net_height, self.net_width) / min(self.height, self.width)
        needed = {}
        for i in ids:
            scale = math.sqrt(FINEST_CELL / int(counts[i]))
            if scale > shrinks:
                side = math.ceil(scale * min(self.height, self.width))
                needed[i] = side if scale <= 1 else None
        return needed

    def prob_from_net(self, prob: Tensor) -> Tensor:
        """Padded probabilities (C, H', W') to (C, H, W), bilinear."""
        left, _, top, _ = self.padding
        prob = prob[:, top : top + self.net_height, left : left + self.net_width]
        size = (self.height, self.width)
        if size == prob.shape[-2:]:
            return prob
        if prob.device.type == "cpu":  # where OpenCV does the same many times faster
            planes = [cv2.resize(plane, size[::-1]) for plane in prob.numpy()]
            return torch.from_numpy(np.stack(planes))
        return functional.interpolate(prob[None], size, mode="bilinear", align_corners=False)[0]

    def soft_from_net(self, prob: Tensor) -> Tensor:
        """As `prob_from_net`, in eight bits: (C, H, W) uint8, 255 is certain.

        One channel at a time: as floats, those of many objects would fill a memory.
        """
        soft = prob.new_empty(len(prob), self.height, self.width, dtype=torch.uint8)
        for channel, plane in enumerate(prob):
            soft[channel] = self.prob_from_net(plane[None] * 255 + 0.5)[0]  # cut off to integers
        return soft

    def labels_from_net(self, prob: Tensor, ids: Sequence[int]) -> Tensor:
        """The id of the most probable channel of each pixel of the video, (H, W) uint8.

        Args:
            prob: padded (C, H', W'), scaled bilinearly before the arg max.
            ids: of the channels.
        """
        if self.height <= self.net_height:
            return most_probable(self.prob_from_net(prob), ids)
        left, _, top, _ = self.padding
        prob = prob[:, top : top + self.net_height, left : left + self.net_width]
        return enlarged_labels(prob, ids, self.height, self.width)
