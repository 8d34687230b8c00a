"""How the videos of a run are worked off: here, by processes of this machine, or on Ray."""

from __future__ import annotations

from dataclasses import replace

from kmn_cli.batch.listener import Listener
from kmn_cli.batch.worker import Orders, Runner, Worker, check_network
from kmn_cli.errors import UsageError


def places(device: str, devices: str | None, workers: int | None) -> list[str]:
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
    return [named[i % len(named)] for i in range(count)]


def make_runner(
    orders: Orders, devices: list[str], listener: Listener, on_ray: bool, address: str | None
) -> Runner:
    """What works videos off: this process, one of its own for each device, or Ray."""
    if on_ray:
        from kmn_cli.batch.ray_engine import run_on_ray

        return lambda jobs, waiting: run_on_ray(jobs, waiting, orders, address, listener.note)
    if len(devices) == 1:
        return Worker(orders.settings, orders.weights, devices[0], listener).run

    import torch

    from kmn_cli.batch.processes import run_in_processes
    from kmn_cli.inference.device import choose_device

    chosen = [choose_device(name)[0] for name in devices]
    for device in set(chosen):
        check_network(orders, device, listener.note)
    # All processes together use as many threads as one would.
    threads = max(1, torch.get_num_threads() // len(devices))
    each = [replace(orders, device=str(device), threads=threads) for device in chosen]
    return lambda jobs, waiting: run_in_processes(jobs, waiting, each)
