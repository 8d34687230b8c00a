"""How much memory a run took at its peak."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kmn_cli.platforms import resident_peak

if TYPE_CHECKING:  # commands without a network show their peak memory, too
    import torch


def reset_peak_memory(device: torch.device) -> None:
    """Start counting anew where the platform allows it: on CUDA, and on Linux."""
    if device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_memory(device: torch.device) -> int:
    """Peak memory in bytes: of the device since the last reset, or resident in this process."""
    if device.type != "cuda":
        return resident_peak()
    import torch

    return torch.cuda.max_memory_allocated(device)
