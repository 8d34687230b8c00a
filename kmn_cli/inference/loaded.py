"""A network that is ready to segment any number of videos."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kmn_cli.inference.device import choose_device
from kmn_cli.inference.network import Network
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segment_options import SegmentOptions
from kmn_cli.model.checkpoint import load_checkpoint

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedNetwork:
    """The network of a checkpoint, in the form that runs fastest on its device.

    Attributes:
        ready: what a `VideoSegmenter` takes; it knows its device, and its precision in the end.
        path: of the checkpoint.
        sha256: of that file.
        precision: as asked: "auto", "fp32", "bf16" or "int8".
    """

    ready: Network
    path: Path
    sha256: str
    precision: str = "auto"

    @property
    def name(self) -> str:
        """Of the checkpoint."""
        return self.path.stem

    def options(self, **chosen: Any) -> SegmentOptions:
        """How this network segments best, but for what is chosen; see `SegmentOptions`.

        A size that is chosen enlarges nothing, if that is not chosen, too.

        Raises:
            UsageError: a number is out of range.
        """
        best = SegmentOptions.best_for(self.ready.config)
        if "size" in chosen:
            best = replace(best, enlarge=1.0)
        return replace(best, **{"precision": self.precision, **chosen})


def load_network(
    weights: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    tell: Callable[[str], None] = log.info,
) -> LoadedNetwork:
    """Load a network once, for many videos.

    Args:
        weights: a file (kmn's .safetensors, or an STM .pth), the name of a shipped checkpoint, or
            None for the default one.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto", "fp32", "bf16" or "int8".
        tell: is told the device and why, and what takes long; by default, the log is.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network.
        DeviceError: the device is not there.
        UsageError: an unknown device or precision, or int8 on another device than a CPU.
    """
    checkpoint = load_checkpoint(weights)
    chosen, reason = choose_device(device)
    tell(f"device: {chosen} ({reason})")
    log.debug("weights: %s (sha256 %s)", checkpoint.path, checkpoint.sha256)
    ready = ready_for_inference(checkpoint.model, chosen, precision, tell)
    return LoadedNetwork(ready, checkpoint.path, checkpoint.sha256, precision)
