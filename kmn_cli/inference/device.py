"""Which device to run on, and in which precision."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from kmn_cli.errors import DeviceError, UsageError

KNOWN_DEVICES = "Use auto, cpu, cuda, cuda:N or mps."

M = TypeVar("M", bound=nn.Module)


def choose_device(spec: str = "auto") -> tuple[torch.device, str]:
    """The device for `auto`, `cpu`, `cuda`, `cuda:N` or `mps`, and why it was chosen.

    Raises:
        UsageError: another word.
        DeviceError: the device is not there.
    """
    if spec == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0), torch.cuda.get_device_name(0)
        if torch.backends.mps.is_available():
            return torch.device("mps"), "Apple GPU"
        return torch.device("cpu"), f"no GPU found, {torch.get_num_threads()} threads"
    try:
        device = torch.device(spec)
    except RuntimeError as error:
        raise UsageError(f"Unknown device {spec!r}.", KNOWN_DEVICES) from error
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            raise DeviceError(
                f"Device {spec} is not available: {count} CUDA GPUs are usable.",
                "Check `nvidia-smi` and that torch is a CUDA build, or use --device cpu.",
            )
    elif device.type == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError("No Apple GPU is available.", "Use --device cpu.")
    elif device.type != "cpu":
        raise UsageError(f"Device {spec} is not supported.", KNOWN_DEVICES)
    return device, torch.cuda.get_device_name(device) if device.type == "cuda" else "as asked"


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and _cpu_has("avx512_bf16", "amx_bf16")


def has_fast_int8(device: torch.device) -> bool:
    """Whether the device is a CPU that multiplies 8-bit integers faster than anything else: with
    AVX2 alone nearly twice as fast as float32, and no less exactly than with VNNI."""
    return device.type == "cpu" and _cpu_has("avx2")


def _cpu_has(*instructions: str) -> bool:
    if not hasattr(torch.cpu, "get_capabilities"):
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in instructions)


def to_device(model: M, device: torch.device) -> M:
    """Moves a network, with channels last: convolutions on a CPU run up to six times faster so.

    On a GPU nothing in float32 is rounded to TF32 from then on.
    """
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    model.to(device)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def upload(array: np.ndarray, device: torch.device) -> Tensor:
    """An array as a tensor on the device, to be read only: on the CPU nothing is copied."""
    array = np.ascontiguousarray(array)  # tensors have no negative strides
    tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
    if device.type != "cuda":
        # Elsewhere a transfer that is not waited for may read memory that is free again.
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)  # fetched while the GPU works
