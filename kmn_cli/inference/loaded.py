"""A network that is ready to segment any number of videos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kmn_cli.inference.device import choose_device
from kmn_cli.inference.network import Network
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segment_options import SegmentOptions
from kmn_cli.model.checkpoint import Checkpoint, load_checkpoint


@dataclass(frozen=True)
class LoadedNetwork:
    """A checkpoint on its device, in the form that runs fastest there.

    Attributes:
        checkpoint: what was loaded, with the name and the checksum of its file.
        network: ready to run, for any number of segmenters.
        precision: as asked: "auto", "fp32", "bf16" or "int8".
    """

    checkpoint: Checkpoint
    network: Network
    precision: str = "auto"

    def options(self, **chosen: Any) -> SegmentOptions:
        """How this network segments best, but for what is chosen; see `SegmentOptions`.

        Raises:
            UsageError: a number is out of range.
        """
        best = SegmentOptions.best_for(self.network.config)
        return replace(best, **{"precision": self.precision, **chosen})


def load_network(
    weights: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    tell: Callable[[str], None] = lambda text: None,
) -> LoadedNetwork:
    """Load a network once, for many videos.

    Args:
        weights: a file (kmn's .safetensors, or an STM .pth), the name of a shipped checkpoint, or
            None for the default one.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto", "fp32", "bf16" or "int8".
        tell: is told the device and why, and what takes long.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
        DeviceError: the device is not there.
        UsageError: an unknown device or precision, or int8 on another device than a CPU.
    """
    checkpoint = load_checkpoint(weights)
    chosen, reason = choose_device(device)
    tell(f"device: {chosen} ({reason})")
    # Made ready once, or every video would make a copy of its own.
    network = ready_for_inference(checkpoint.model, chosen, precision, tell)
    return LoadedNetwork(checkpoint, network, precision)
