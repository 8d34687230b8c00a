"""Decoder: residual block, two refinement modules, and the soft aggregation of objects.

Every convolution that sees only the query frame is computed once a frame and shared by the
objects: those of the refinement modules' skip features, and the half of the first convolution
that reads the query's value (a convolution of a concatenation is a sum of two convolutions).
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from kmn_cli.model.config import KMNConfig
from kmn_cli.model.per_object import for_each_object


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(relu(x)))), 3x3, channels unchanged."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(dim, dim, 3, padding=1)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(torch.relu_(self.conv1(torch.relu(x)))).add_(x)


class Refinement(nn.Module):
    """Doubles the resolution of a coarse map with the help of a skip feature."""

    def __init__(self, skip_dim: int, dim: int) -> None:
        super().__init__()
        self.conv_skip = nn.Conv2d(skip_dim, dim, 3, padding=1)
        self.res_skip = ResidualBlock(dim)
        self.res_out = ResidualBlock(dim)

    def skip(self, feature: Tensor) -> Tensor:
        """The object-independent half: skip feature (B, C, 2h, 2w) to (B, dim, 2h, 2w)."""
        return self.res_skip(self.conv_skip(feature))

    def forward(self, skip: Tensor, coarse: Tensor) -> Tensor:
        """Skip (B * K, dim, 2h, 2w) and coarse (B * K, dim, h, w) to (B * K, dim, 2h, 2w)."""
        return self.res_out(_upsample(coarse, 2).add_(skip))


class DecoderSkips(NamedTuple):
    """What the decoder needs of the query frame alone, each (B, dim, ·, ·)."""

    value: Tensor  # stride 16
    s3: Tensor  # stride 8
    s2: Tensor  # stride 4


class Decoder(nn.Module):
    """Readout and query features to two logits a pixel."""

    def __init__(self, config: KMNConfig) -> None:
        super().__init__()
        dim, self.value_dim = config.decoder_dim, config.value_dim
        self.conv_in = nn.Conv2d(2 * config.value_dim, dim, 3, padding=1)
        self.res_in = ResidualBlock(dim)
        self.refine3 = Refinement(8 * config.width, dim)
        self.refine2 = Refinement(4 * config.width, dim)
        self.predict = nn.Conv2d(dim, 2, 3, padding=1)

    def skips(self, value: Tensor, r3: Tensor, r2: Tensor) -> DecoderSkips:
        """Query value (B, C_v, h, w) and trunk maps to what all objects of the frame share."""
        of_query = self.conv_in.weight[:, self.value_dim :]
        shared = functional.conv2d(value, of_query, self.conv_in.bias, padding=1)
        return DecoderSkips(shared, self.refine3.skip(r3), self.refine2.skip(r2))

    def forward(self, readout: Tensor, skips: DecoderSkips) -> Tensor:
        """Readout (B * K, C_v, h, w) to object logits (B * K, 16h, 16w).

        The logit is the difference of the two outputs, whose sigmoid is the softmax's second
        channel; it is upsampled from stride 4 bilinearly.
        """
        objects = readout.shape[0] // skips.value.shape[0]
        value, s3, s2 = (for_each_object(skip, objects) for skip in skips)
        of_readout = self.conv_in.weight[:, : self.value_dim]
        x = self.res_in(functional.conv2d(readout, of_readout, padding=1).add_(value))
        x = self.refine2(s2, self.refine3(s3, x))
        background, foreground = self.predict(torch.relu_(x)).float().unbind(1)
        return _upsample((foreground - background)[:, None], 4)[:, 0]


def _upsample(x: Tensor, factor: int) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def soft_aggregate(prob: Tensor) -> Tensor:
    """Merges the objects' independent probabilities into one distribution a pixel (STM).

    Args:
        prob: (B, K, H, W), each object's probability in [0, 1].

    Returns:
        Logits (B, K + 1, H, W), background first: log(p / (1 - p)) with the background's
        p = Π (1 - p_k); their softmax is the aggregated probability. Always float32.
    """
    prob = prob.float()
    # The gradient of torch's product looks for zeros, for which it waits for the GPU.
    background = reduce(torch.mul, (1 - prob).split(1, 1))
    return torch.logit(torch.cat([background, prob], 1), eps=1e-7)
