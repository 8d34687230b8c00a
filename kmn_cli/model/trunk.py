"""ResNet-50 up to res4, in two builds: v1 (He et al. 2015) and v2 (pre-activation, 2016)."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from kmn_cli.model.config import KMNConfig
from kmn_cli.model.frozen_norm import FrozenBatchNorm2d


class TrunkFeatures(NamedTuple):
    """Activated maps of a trunk, each (B, C, H / stride, W / stride)."""

    r4: Tensor  # stride 16, 16 * width channels
    r3: Tensor  # stride 8, 8 * width channels
    r2: Tensor  # stride 4, 4 * width channels


class ResNetV1(nn.Module):
    """ResNet up to res4 under torchvision's parameter names."""

    def __init__(self, width: int, blocks: tuple[int, int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = FrozenBatchNorm2d(width)
        self.layer1 = _stage_v1(width, width, blocks[0], stride=1)
        self.layer2 = _stage_v1(4 * width, 2 * width, blocks[1], stride=2)
        self.layer3 = _stage_v1(8 * width, 4 * width, blocks[2], stride=2)

    def stem(self, frame: Tensor) -> Tensor:
        """Normalised (B, 3, H, W) to (B, width, H/2, W/2), where masks are added in."""
        return self.conv1(frame)

    def stages(self, stem: Tensor) -> TrunkFeatures:
        """The rest of the trunk from the stem's output."""
        x = nn.functional.max_pool2d(torch.relu_(self.bn1(stem)), 3, stride=2, padding=1)
        r2 = self.layer1(x)
        r3 = self.layer2(r2)
        return TrunkFeatures(self.layer3(r3), r3, r2)


class Bottleneck(nn.Module):
    """Convolutions with batch norm and ReLU after each, the last of them after the shortcut.

    torchvision has the same, but takes two seconds to import.
    """

    def __init__(self, c_in: int, planes: int, stride: int, shortcut: nn.Module | None) -> None:
        super().__init__()
        c_out = 4 * planes
        self.conv1 = nn.Conv2d(c_in, planes, 1, bias=False)
        self.bn1 = FrozenBatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = FrozenBatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, c_out, 1, bias=False)
        self.bn3 = FrozenBatchNorm2d(c_out)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = torch.relu_(self.bn1(self.conv1(x)))
        y = torch.relu_(self.bn2(self.conv2(y)))
        return torch.relu_(self.bn3(self.conv3(y)).add_(shortcut))


def _stage_v1(c_in: int, planes: int, blocks: int, stride: int) -> nn.Sequential:
    shortcut = nn.Sequential(
        nn.Conv2d(c_in, 4 * planes, 1, stride=stride, bias=False), FrozenBatchNorm2d(4 * planes)
    )
    rest = [Bottleneck(4 * planes, planes, 1, None) for _ in range(blocks - 1)]
    return nn.Sequential(Bottleneck(c_in, planes, stride, shortcut), *rest)


class ResNetV2(nn.Module):
    """Pre-activation ResNet up to res4; a batch norm of its own stands on the input."""

    def __init__(self, width: int, blocks: tuple[int, int, int]) -> None:
        super().__init__()
        self.bn0 = FrozenBatchNorm2d(3)
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = FrozenBatchNorm2d(width)
        self.layer1 = _stage_v2(width, width, blocks[0], stride=1)
        self.layer2 = _stage_v2(4 * width, 2 * width, blocks[1], stride=2)
        self.layer3 = _stage_v2(8 * width, 4 * width, blocks[2], stride=2)
        self.post4 = FrozenBatchNorm2d(16 * width)

    def stem(self, frame: Tensor) -> Tensor:
        """Normalised (B, 3, H, W) to (B, width, H/2, W/2), where masks are added in."""
        return self.conv1(self.bn0(frame))

    def stages(self, stem: Tensor) -> TrunkFeatures:
        """The rest of the trunk from the stem's output.

        A pre-activation stage ends in a plain sum: the map that others read is the sum as the
        next stage's first block activates it.
        """
        x = nn.functional.max_pool2d(torch.relu_(self.bn1(stem)), 3, stride=2, padding=1)
        x = self.layer1(x)
        r2 = _activated_for(self.layer2, x)
        x = self.layer2(x)
        r3 = _activated_for(self.layer3, x)
        r4 = torch.relu_(self.post4(self.layer3(x)))
        return TrunkFeatures(r4, r3, r2)


class PreActivationBottleneck(nn.Module):
    """Batch norm and ReLU before each convolution; the shortcut is taken after the first ReLU."""

    def __init__(self, c_in: int, planes: int, stride: int, project: bool) -> None:
        super().__init__()
        c_out = 4 * planes
        self.bn1 = FrozenBatchNorm2d(c_in)
        self.conv1 = nn.Conv2d(c_in, planes, 1, bias=False)
        self.bn2 = FrozenBatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn3 = FrozenBatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, c_out, 1, bias=False)
        self.downsample = nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False) if project else None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu_(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(y)
        y = self.conv1(y)
        y = self.conv2(torch.relu_(self.bn2(y)))
        y = self.conv3(torch.relu_(self.bn3(y)))
        return y.add_(shortcut)


def _stage_v2(c_in: int, planes: int, blocks: int, stride: int) -> nn.Sequential:
    first = PreActivationBottleneck(c_in, planes, stride, project=True)
    rest = [PreActivationBottleneck(4 * planes, planes, 1, False) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)


def _activated_for(stage: nn.Sequential, x: Tensor) -> Tensor:
    first = cast(PreActivationBottleneck, stage[0])
    return torch.relu_(first.bn1(x))


def build_trunk(config: KMNConfig) -> ResNetV1 | ResNetV2:
    """The trunk that a config names, with random weights."""
    kind = ResNetV1 if config.trunk == "resnet50" else ResNetV2
    return kind(config.width, config.blocks)
