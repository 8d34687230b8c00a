"""A mask that was given for the frame at hand: what becomes of an answer with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kmn_cli.errors import InputError
from kmn_cli.inference.device import upload
from kmn_cli.inference.view import View


@dataclass(frozen=True)
class GivenMask:
    """The objects of a mask, as given and as the network sees them.

    Attributes:
        labels: (H, W) uint8.
        planes: (H', W') in [0, 1] of each id that it names, ascending.
        view: in which the network sees them.
    """

    labels: Tensor
    planes: dict[int, Tensor]
    view: View

    @classmethod
    def of(cls, mask: np.ndarray, view: View, device: torch.device) -> GivenMask:
        """A mask (H, W) of object ids."""
        labels = upload(mask.astype(np.uint8, copy=False), device)
        ids = [i for i, count in enumerate(labels.flatten().bincount().tolist()) if i and count]
        return cls(labels, {i: view.mask_to_net(labels == i) for i in ids}, view)

    def masks(self, ids: Sequence[int] | None = None) -> Tensor:
        """(K, H', W') of some of its objects, or of all."""
        return torch.stack([self.planes[i] for i in ids or self.planes])

    def merged(self, prob: Tensor, object_ids: Sequence[int]) -> Tensor:
        """Probabilities (K + 1, H', W') with the mask in place of the objects it names.

        Args:
            prob: of the first of the objects.
            object_ids: all K of them.
        """
        objects = prob.new_zeros(len(object_ids), *prob.shape[1:])
        objects[: len(prob) - 1] = prob[1:]
        left = (1 - self.masks().sum(0)).clamp(min=0)  # for the objects it does not name
        for channel, object_id in enumerate(object_ids):
            if object_id in self.planes:
                objects[channel] = self.planes[object_id]
            else:
                objects[channel] *= left
        background = (1 - objects.sum(0, keepdim=True)).clamp(min=0)
        return torch.cat([background, objects])

    def kept_in(self, labels: Tensor) -> Tensor:
        """Labels (H, W) with the mask in them, to the pixel."""
        for i in self.planes:
            labels = labels.masked_fill(labels == i, 0)
        return torch.where(self.labels > 0, self.labels, labels)

    def doubts(self, ids: Sequence[int], where: str) -> Iterator[str]:
        """What to tell of some of its objects, when they are new.

        Args:
            ids: of them.
            where: what to call the frame.

        Raises:
            InputError: the view does not hold one.
        """
        for i, share in self.view.shares(self.labels, ids).items():
            x, y, width, height = self.view.rectangle
            said = f"object {i} of {where} lies outside of the view {x},{y},{width},{height}"
            if not share:
                raise InputError(
                    f"{said[0].upper()}{said[1:]}.",
                    "Take a view that holds every object, or --view full.",
                )
            if share < 1:
                yield f"{1 - share:.0%} of {said}, where nothing is found"
        for i, side in self.view.too_coarse_for(self.labels, ids).items():
            yield (
                f"object {i} of {where} is too small for what the network sees: "
                + (f"--size {side} keeps it" if side else "no --size keeps it")
            )
