"""Data-parallel training under torchrun; a single process otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Workers:
    """This process among all of a run."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and talks to people."""
        return self.rank == 0

    def numbers(self, batch: int) -> range:
        """Which samples of a step are this process's, `batch` of them."""
        return range(self.rank * batch, (self.rank + 1) * batch)

    def barrier(self) -> None:
        """Waits for all."""
        if self.count > 1:
            dist.barrier()

    def agree(self, value: float, device: torch.device) -> float:
        """The first process's value, for decisions that depend on its clock."""
        if self.count == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64, device=device)
        dist.broadcast(shared, 0)
        return float(shared)

    def sum(self, value: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        if self.count > 1:
            dist.all_reduce(value)
        return value


@contextmanager
def workers(device: torch.device) -> Iterator[tuple[Workers, torch.device]]:
    """Joins the group that torchrun started (NCCL on GPUs, gloo on CPUs) and leaves it again.

    Yields:
        This process, and its device: a GPU of its own where the device is CUDA.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Workers(), device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    # The others wait while the first process decodes a data set, or validates.
    dist.init_process_group(backend, timeout=timedelta(hours=6))
    try:
        yield Workers(dist.get_rank(), dist.get_world_size()), device
    finally:
        dist.destroy_process_group()
