"""What the segmenter asks of a network, whatever computes it."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from kmn_cli.model import KMNConfig
from kmn_cli.model.kmn import Query


class Network(Protocol):
    """A network that is ready to run on its device; it keeps no state between calls.

    Attributes:
        config: the network's sizes, and how it is run best.
        device: where its tensors live.
        precision: "fp32", "bf16" or "int8".
        stride: pixels a grid cell, to a multiple of which its images are padded.
    """

    config: KMNConfig
    device: torch.device
    precision: str
    stride: int

    def encode_query(self, images: Tensor) -> Query:
        """Images (B, 3, H', W') in [0, 1] to what their objects share."""
        ...

    def memorize(self, image: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Image (1, 3, H', W') and masks (K, H', W') in [0, 1] to keys (K, hw, C_k), float32, and
        values (K, hw, C_v)."""
        ...

    def read(self, query: Query, memory: tuple[Tensor, Tensor], sigma: float | None) -> Tensor:
        """Keys (K, N, C_k) and values (K, N, C_v) to a readout (K, C_v, h, w)."""
        ...

    def decode(self, readout: Tensor, query: Query) -> Tensor:
        """Readout (K, C_v, h, w) to probabilities (K + 1, H', W'), background first."""
        ...

    def at_once(self, image: Tensor) -> int:
        """How many frames like this one are best encoded together."""
        ...
