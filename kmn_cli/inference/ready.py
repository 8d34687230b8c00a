"""Makes a network ready to run: on a device, in a precision."""

from __future__ import annotations

from collections.abc import Callable

import torch

from kmn_cli.errors import UsageError
from kmn_cli.inference.device import has_fast_bf16
from kmn_cli.inference.network import Network
from kmn_cli.inference.torch_network import TorchNetwork
from kmn_cli.model import KMN


def ready_for_inference(
    model: KMN,
    device: torch.device | str = "cpu",
    precision: str = "auto",
    tell: Callable[[str], None] = lambda text: None,
) -> Network:
    """The network in the form that runs fastest. Make it once and give it to many segmenters.

    Args:
        model: is left as it is.
        device: to run on.
        precision: "auto", "fp32", "bf16" or "int8".
        tell: is told what takes long.

    Raises:
        UsageError: int8 on another device than a CPU, or without its packages.
    """
    device = torch.device(device)
    chosen = choose_precision(precision, device)
    if chosen == "int8":
        from kmn_cli.inference.int8 import quantized

        return quantized(model, tell)
    return TorchNetwork(model, device, chosen)


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
