"""Which device to run on, and in which precision."""

from __future__ import annotations

from collections.abc import Callable

import torch

from kmn_cli.errors import DeviceError, UsageError
from kmn_cli.inference.partwise import PartwiseKMN
from kmn_cli.model import KMN, fold_batch_norms

KNOWN_DEVICES = "Use auto, cpu, cuda, cuda:N or mps."


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
    return device, "as asked"


def choose_precision(spec: str, device: torch.device) -> str:
    """ "fp32", "bf16" or "int8": `auto` is bf16 where the device multiplies it in hardware.

    Raises:
        UsageError: int8 on another device than a CPU.
    """
    if spec == "int8" and device.type != "cpu":
        raise UsageError(f"int8 runs on a CPU, not on {device}.", "Take --device cpu, or bf16.")
    if spec == "auto":
        return "bf16" if has_fast_bf16(device) else "fp32"
    return spec


def ready_for_inference(
    model: KMN,
    device: torch.device,
    precision: str = "fp32",
    tell: Callable[[str], None] = lambda text: None,
) -> KMN:
    """The network in the form that runs fastest: folded, channels last, its weights converted.

    Call it once and give the result to many segmenters: what is ready already is not copied. What
    was made ready for fp32 runs in bf16, too, but converts its weights in every step. `tell` is
    told what takes long.
    """
    chosen = choose_precision(precision, device)
    if not model.is_folded:
        model = fold_batch_norms(model)
        if chosen == "bf16":
            for module in model.modules():  # batch norms stay, or their shifts would be rounded
                if isinstance(module, torch.nn.Conv2d):
                    module.bfloat16()
    if chosen == "int8" and not isinstance(model, PartwiseKMN):
        from kmn_cli.inference.int8 import quantized

        model = quantized(model, tell)
    return to_device(model, device)


def to_device(model: KMN, device: torch.device) -> KMN:
    """Moves a network, with channels last: convolutions on a CPU run up to six times faster so."""
    model.to(device)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False
