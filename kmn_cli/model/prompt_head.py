"""From a box and clicks to the mask of an object, on the features of a trained network's trunk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from kmn_cli.model.encoders import QueryEncoder

SIDE = 256  # long side of the pictures that a head learns from, and then sees
NEAR, FAR = 6.0, 40.0  # reach in pixels of the two marks of a click
_GROUPS = 8


def guidance(
    height: int,
    width: int,
    box: Sequence[float] | None,
    inside: Iterable[Sequence[float]],
    outside: Iterable[Sequence[float]],
) -> Tensor:
    """What a person says about an object, as planes (6, H, W) in [0, 1].

    The box, or everything where there is none; whether there is one; and for the clicks inside and
    those outside, how near the nearest one is, steeply and gently.

    Args:
        height, width: of the picture, in pixels.
        box: x, y, width and height, which may reach beyond it.
        inside, outside: x and y of clicks.
    """
    planes = torch.zeros(6, height, width)
    if box is None:
        planes[0] = 1
    else:
        x, y, across, down = box
        left, top = max(0, round(x)), max(0, round(y))
        planes[0, top : max(round(y + down), top + 1), left : max(round(x + across), left + 1)] = 1
        planes[1] = 1
    rows = torch.arange(height)[:, None]
    columns = torch.arange(width)
    for first, points in ((2, inside), (4, outside)):
        for x, y in points:
            squared = (rows - y) ** 2 + (columns - x) ** 2
            for plane, mark in (
                (planes[first], torch.exp(squared / (-2 * NEAR**2))),
                (planes[first + 1], torch.exp(squared.sqrt() / -FAR)),
            ):
                torch.maximum(plane, mark, out=plane)
    return planes


class PromptHead(nn.Module):
    """Finds the object that a box or clicks mean.

    It is trained on the features of one trunk, which stays as it is.

    Args:
        width: of the trunk; see `KMNConfig`.
        dim: channels at the coarsest scale.
    """

    def __init__(self, width: int = 64, dim: int = 96) -> None:
        super().__init__()
        self.picture = nn.Conv2d(3, 16, 5, stride=2, padding=2)
        self.narrow4 = nn.Conv2d(16 * width, dim, 1)
        self.narrow3 = nn.Conv2d(8 * width, 64, 1)
        self.narrow2 = nn.Conv2d(4 * width, 32, 1)
        self.mix4 = _mix(dim + 6, dim)
        self.wider = nn.ModuleList(_mix(dim, dim, dilation) for dilation in (2, 4, 1))
        self.whole = nn.Linear(dim, dim)
        self.mix3 = nn.Sequential(_mix(dim + 64 + 6, 64), _mix(64, 64))
        self.mix2 = nn.Sequential(_mix(64 + 32 + 6, 48), _mix(48, 48))
        self.mix1 = _mix(48 + 16 + 6, 32)
        self.answer = nn.Conv2d(32, 1, 3, padding=1)

    def forward(self, picture: Tensor, features: Sequence[Tensor], prompts: Tensor) -> Tensor:
        """Logits (B, H, W) of each pixel to be of the object.

        Args:
            picture: normalised, (B, 3, H, W), sides multiples of 16.
            features: r4, r3 and r2 of it; see `TrunkFeatures`.
            prompts: (B, 6, H, W); see `guidance`.
        """
        r4, r3, r2 = features

        def told(x: Tensor) -> Tensor:
            stride = prompts.shape[2] // x.shape[2]
            return torch.cat([x, functional.avg_pool2d(prompts, stride)], 1)

        x = self.mix4(told(self.narrow4(r4)))
        x = x + self.whole(x.mean((2, 3)))[..., None, None]
        for wider in self.wider:
            x = x + wider(x)
        x = self.mix3(told(torch.cat([_double(x), self.narrow3(r3)], 1)))
        x = self.mix2(told(torch.cat([_double(x), self.narrow2(r2)], 1)))
        x = self.mix1(told(torch.cat([_double(x), self.picture(picture)], 1)))
        return _double(self.answer(x))[:, 0]


def trunk_features(encoder: QueryEncoder, frames: Tensor) -> tuple[Tensor, ...]:
    """Frames (B, 3, H, W) in [0, 1] as `PromptHead` wants them: normalised, then r4, r3 and r2."""
    picture = encoder.normalize(frames)
    return picture, *encoder.trunk.stages(encoder.trunk.stem(picture))


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _mix(c_in: int, c_out: int, dilation: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(c_in, c_out, 3, padding=dilation, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.GroupNorm(_GROUPS, c_out), nn.ReLU(inplace=True))
