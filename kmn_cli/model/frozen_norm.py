"""Batch norm that training leaves as it is: in eval mode always, as in STM, and fixed."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """A batch norm that neither follows its input nor learns.

    Its gradient by the input is the norm itself without shift. torch would work it out in another
    memory layout on a GPU, which every convolution before it would have to undo.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stays in eval mode."""
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() and x.requires_grad:
            result: Tensor = _Norm.apply(
                x, self.eps, self.running_mean, self.running_var, self.weight, self.bias
            )
            return result
        return super().forward(x)


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, eps: float, mean: Tensor, variance: Tensor, gain: Tensor, bias: Tensor
    ) -> Tensor:
        ctx.eps = eps
        ctx.save_for_backward(torch.zeros_like(mean), variance, gain)
        return functional.batch_norm(x, mean, variance, gain, bias, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        centre, variance, gain = ctx.saved_tensors
        gradient = functional.batch_norm(gradients[0], centre, variance, gain, None, eps=ctx.eps)
        return gradient, None, None, None, None, None
