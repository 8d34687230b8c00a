"""The network on its device: precision, transfers, and how much of it at a time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kmn_cli.inference.device import choose_precision, ready_for_inference
from kmn_cli.inference.frame_size import FrameSize
from kmn_cli.model import KMN
from kmn_cli.model.kmn import Query

PIXELS_AT_ONCE = 2**22  # of all objects, or frames, in one pass on a GPU: about 2 GB of maps


class Network:
    """Runs a network's parts on one frame.

    Args:
        model: is left as it is and copied, unless `ready_for_inference` made it.
        device: to run on.
        precision: "auto", "fp32", "bf16" or "int8"; the attribute is one of the latter.
    """

    def __init__(self, model: KMN, device: torch.device, precision: str) -> None:
        self.device = device
        self.precision = choose_precision(precision, device)
        self._model = ready_for_inference(model, device, self.precision)
        if device.type == "cpu":
            # Denormal weights of the read make its products over a hundred times slower.
            torch.set_flush_denormal(True)

    def to_device(self, array: np.ndarray) -> Tensor:
        """A copy: an array may be read-only, or a view with negative strides."""
        copy = torch.tensor(np.ascontiguousarray(array))
        if self.device.type == "cuda":
            copy = copy.pin_memory()  # only then does a GPU fetch it while it works
        return copy.to(self.device, non_blocking=True)

    def image(self, frame: np.ndarray, size: FrameSize) -> Tensor:
        """Frame (H, W, 3) uint8 to (1, 3, H', W'), as the other methods want it."""
        image = size.image_to_net(self.to_device(frame))
        return image.contiguous(memory_format=torch.channels_last)

    def encode_query(self, images: Tensor) -> Query:
        """Images (B, 3, H', W') to what their objects share."""
        with self._arithmetic():
            return self._model.encode_query(images)

    def memorize(self, image: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Image and masks (K, H', W') to keys (K, hw, C_k), float32, and values (K, hw, C_v)."""
        with self._arithmetic():
            key, value = self._model.memorize(image, masks[None], self.at_once(image))
        # Values stay in bfloat16, if they are; similarities need more.
        return key[0].float(), value[0]

    def decode(self, readout: Tensor, query: Query, image: Tensor) -> Tensor:
        """Readout (K, C_v, h, w) to probabilities (K + 1, H', W')."""
        with self._arithmetic():
            logits = self._model.decode(readout[None], query, self.at_once(image))
        return logits[0].softmax(0)

    def at_once(self, image: Tensor) -> int:
        """Objects, or frames, in one pass: a CPU gains nothing from more, a GPU much, until it is
        full."""
        pixels = image.shape[-2] * image.shape[-1]
        return 1 if self.device.type == "cpu" else max(1, PIXELS_AT_ONCE // pixels)

    def _arithmetic(self) -> torch.autocast:
        mixed = self.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=mixed)
