"""Who works off the videos of a run: this process, several of this machine, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kmn_cli.batch.events import Tell, tell_nobody
from kmn_cli.errors import UsageError


def _no_ears() -> Tell:
    return tell_nobody


@dataclass(frozen=True)
class Workforce:
    """What works off the videos of a run.

    Attributes:
        devices: one for each worker; a single one works in this process.
        on_ray: a task a video on a Ray cluster, instead.
        address: of the cluster; None is this machine's.
        listen: on Ray, is called in every worker, and returns who is told what happens there.
    """

    devices: tuple[str, ...] = ("auto",)
    on_ray: bool = False
    address: str | None = None
    listen: Callable[[], Tell] = _no_ears

    @classmethod
    def of(
        cls,
        device: str = "auto",
        devices: str | None = None,
        workers: int | None = None,
        on_ray: bool = False,
        address: str | None = None,
        listen: Callable[[], Tell] = _no_ears,
    ) -> Workforce:
        """From --device, --devices, --workers, --engine and --address.

        Raises:
            UsageError: they do not go together.
        """
        if on_ray and (devices or workers):
            raise UsageError("--engine ray has its own workers.", "Leave out --devices, --workers.")
        if address and not on_ray:
            raise UsageError("--address is that of a Ray cluster.", "Add --engine ray.")
        return cls(_places(device, devices, workers), on_ray, address, listen)


def _places(device: str, devices: str | None, workers: int | None) -> tuple[str, ...]:
    """The device of each worker, from --device, --devices and --workers.

    Workers beyond the devices that are named share them; where none is, all GPUs are.

    Raises:
        UsageError: they do not go together.
    """
    named = [name.strip() for name in (devices or device).split(",") if name.strip()]
    if devices and not named:
        raise UsageError("--devices names none.", "Write --devices cuda:0,cuda:1.")
    if devices and device != "auto":
        raise UsageError("--device and --devices are both given.", "Leave one of them out.")
    count = workers or len(named)
    if count > 1 and named in (["auto"], ["cuda"]):
        import torch

        named = [f"cuda:{i}" for i in range(torch.cuda.device_count())] or named
    return tuple(named[i % len(named)] for i in range(count))
