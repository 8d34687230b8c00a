"""Makes a network ready to run: on a device, in a precision."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import torch

from kmn_cli.errors import UsageError
from kmn_cli.inference.device import has_fast_bf16, has_fast_int8
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
        model: on the CPU; is left as it is.
        device: to run on.
        precision: "fp32", "bf16", "int8", or "auto": the fastest that costs no accuracy.
        tell: is told what was chosen, and what takes long.

    Raises:
        UsageError: int8 on another device than a CPU, or without its packages.
    """
    device = torch.device(device)
    if precision == "auto":
        precision, why = choose_precision(model, device)
        tell(f"precision: {precision} ({why})")
    if precision != "int8":
        return TorchNetwork(model, device, precision)
    if device.type != "cpu":
        raise UsageError(f"int8 runs on a CPU, not on {device}.", "Take --device cpu, or bf16.")
    from kmn_cli.inference.int8 import int8_network

    return int8_network(model, tell)


def choose_precision(model: KMN, device: torch.device) -> tuple[str, str]:
    """ "fp32", "bf16" or "int8", the fastest of them that costs no accuracy, and why.

    8-bit integers are chosen for weights only whose ranges are shipped: those were scored so.
    """
    if has_fast_int8(device) and find_spec("openvino") is not None:
        from kmn_cli.inference.quantize import shipped_ranges, weights_digest

        if shipped_ranges(weights_digest(model)) is not None:
            return "int8", "the processor's 8-bit instructions by OpenVINO"
    if has_fast_bf16(device):
        return "bf16", f"{device} multiplies it in hardware"
    return "fp32", f"{device} has nothing faster"
