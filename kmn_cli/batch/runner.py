"""How the videos of a run are worked off: here, by processes of this machine, or on Ray."""

from __future__ import annotations

import logging
from dataclasses import replace

import torch

from kmn_cli.batch.events import Tell
from kmn_cli.batch.job import Settings
from kmn_cli.batch.processes import run_in_processes
from kmn_cli.batch.ray_engine import run_on_ray
from kmn_cli.batch.worker import Orders, Runner, Worker, check_network
from kmn_cli.batch.workforce import Workforce
from kmn_cli.inference.device import choose_device
from kmn_cli.inference.loaded import load_network

log = logging.getLogger(__name__)


def make_runner(settings: Settings, weights: str | None, force: Workforce, tell: Tell) -> Runner:
    """What works videos off.

    Raises:
        WeightsError: the checkpoint cannot be used.
        DeviceError: a device is not there.
        UsageError: Ray is not installed, or int8 cannot run on a device.
    """
    if force.on_ray:
        orders = Orders(settings, weights, force.devices[0])
        return lambda jobs, waiting: run_on_ray(jobs, waiting, orders, force.address, force.listen)
    if len(force.devices) == 1:
        network = load_network(weights, force.devices[0], settings.options.precision)
        return Worker(settings, network, tell).run
    chosen = [choose_device(name) for name in force.devices]
    reasons = dict(chosen)
    log.info("device: %s", ", ".join(f"{device} ({why})" for device, why in reasons.items()))
    # All processes together use as many threads as one would.
    orders = Orders(settings, weights, "cpu", max(1, torch.get_num_threads() // len(chosen)))
    for device in reasons:
        check_network(orders, device)
    each = [replace(orders, device=str(device)) for device, _ in chosen]
    return lambda jobs, waiting: run_in_processes(jobs, waiting, each, tell)
