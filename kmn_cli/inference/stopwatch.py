"""Where the time goes."""

from __future__ import annotations

import time

import torch


class Stopwatch:
    """Adds up seconds by part of the work.

    A GPU works on while the next part is prepared: to time its parts, one after the other must be
    waited for, which takes time itself. Unless `exact` asks for it, all of them are "network".

    Args:
        device: that does the work.
        exact: tell the parts apart also where that costs time.
    """

    def __init__(self, device: torch.device, exact: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._device, self._exact = device, exact
        self._last = 0.0

    def start(self) -> None:
        """From here counts the next lap."""
        self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        """What was done since the start or the last lap belongs to a part of the work."""
        if self._device.type != "cpu":
            if self._exact:
                torch.accelerator.synchronize(self._device)
            else:
                part = "network"
        now = time.perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now
