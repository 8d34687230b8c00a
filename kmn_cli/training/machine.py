"""What a process is told before it trains."""

from __future__ import annotations

import torch

from kmn_cli.platforms import keep_freed_memory


def prepare(device: torch.device) -> None:
    """Makes steps on a device fast, and float32 what its name says.

    On a GPU the fastest convolutions are looked for, and none of them rounds to TF32: a recipe
    says fp32 or bf16.
    """
    if device.type == "cpu":
        keep_freed_memory()
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
