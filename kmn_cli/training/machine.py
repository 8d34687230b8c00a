"""What a process is told before it trains."""

from __future__ import annotations

import ctypes
import platform

import torch

# malloc.h of glibc
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
KEPT = 2**31 - 1  # bytes at the top of the heap; mallopt takes an int


def prepare(device: torch.device) -> None:
    """Makes steps on a device fast, and float32 what its name says.

    On a GPU the fastest convolutions are looked for, and none of them rounds to TF32: a recipe
    says fp32 or bf16.
    """
    if device.type == "cpu":
        keep_freed_memory()
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


def keep_freed_memory() -> bool:
    """Tells glibc to keep what is freed, for the rest of the process.

    A training step on a CPU frees and takes again gigabytes of activations. glibc maps large
    blocks anew each time, and the system clears every page of them.

    Returns:
        Whether it was done: false where the C library is another.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = ((M_MMAP_MAX, 0), (M_TOP_PAD, 2**28), (M_TRIM_THRESHOLD, KEPT))
    return all(mallopt(name, value) == 1 for name, value in settings)
