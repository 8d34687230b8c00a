"""Query encoder, memory encoder and the heads that turn res4 into keys and values (Fig. 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from kmn_cli.model.config import KMNConfig
from kmn_cli.model.per_object import for_each_object
from kmn_cli.model.trunk import TrunkFeatures, build_trunk

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class FrameNormalization(nn.Module):
    """RGB in [0, 1] to zero mean and unit variance of ImageNet."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))

    def forward(self, frame: Tensor) -> Tensor:
        return (frame - self.mean) / self.std


class QueryEncoder(nn.Module):
    """A frame alone."""

    def __init__(self, config: KMNConfig) -> None:
        super().__init__()
        self.normalize = FrameNormalization()
        self.trunk = build_trunk(config)

    def forward(self, frame: Tensor) -> TrunkFeatures:
        """Frame (B, 3, H, W) in [0, 1] to the activated maps of the trunk."""
        return self.trunk.stages(self.trunk.stem(self.normalize(frame)))


class MemoryEncoder(nn.Module):
    """A frame with the mask of one object and the mask of all others, both added at the stem."""

    def __init__(self, config: KMNConfig) -> None:
        super().__init__()
        self.normalize = FrameNormalization()
        self.trunk = build_trunk(config)
        self.conv_mask = nn.Conv2d(1, config.width, 7, stride=2, padding=3, bias=False)
        self.conv_others = nn.Conv2d(1, config.width, 7, stride=2, padding=3, bias=False)

    def stem(self, frame: Tensor) -> Tensor:
        """What the objects share: frame (B, 3, H, W) in [0, 1] to (B, width, H/2, W/2)."""
        return self.trunk.stem(self.normalize(frame))

    def forward(self, stem: Tensor, masks: Tensor, others: Tensor) -> Tensor:
        """A frame's stem with each object's mask and that of all others to r4 (B * K, C, h, w).

        Both masks are (B, K, H, W) in [0, 1].
        """
        own_and_others = torch.stack([masks, others], 2).flatten(0, 1)
        weight = torch.cat([self.conv_mask.weight, self.conv_others.weight], 1)
        marks = functional.conv2d(own_and_others, weight, stride=2, padding=3)
        return self.trunk.stages(marks.add_(for_each_object(stem, masks.shape[1]))).r4


class KeyValueHead(nn.Module):
    """Two 3x3 convolutions: a key to compare by, a value to read."""

    def __init__(self, config: KMNConfig) -> None:
        super().__init__()
        self.key = nn.Conv2d(16 * config.width, config.key_dim, 3, padding=1)
        self.value = nn.Conv2d(16 * config.width, config.value_dim, 3, padding=1)

    def forward(self, r4: Tensor) -> tuple[Tensor, Tensor]:
        """r4 (B, C, h, w) to key (B, C_k, h, w) and value (B, C_v, h, w)."""
        return self.key(r4), self.value(r4)
