"""Ray: a task a video, on a cluster that people have already."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from kmn_cli.batch.events import Tell
from kmn_cli.batch.job import Job
from kmn_cli.batch.worker import Orders, Outcome, RemoteWorker, check_network, worker_died
from kmn_cli.errors import DeviceError, UsageError

RETRIES = 3  # of a video whose process or machine died; each goes on from the last saved state
SECONDS_TO_ANSWER = SECONDS_TO_END = 10.0


def run_on_ray(
    jobs: Iterable[Job],
    waiting: bool,
    orders: Orders,
    address: str | None,
    listen: Callable[[], Tell],
) -> Iterator[Outcome]:
    """Work off jobs as tasks of a Ray cluster, and yield outcomes as they come.

    Every machine needs kmn, and the inputs, masks, weights and results under the same paths.
    Leaving the iterator early interrupts what is at work.

    Args:
        jobs: the videos.
        waiting: whether to wait for videos that other processes are at.
        orders: for every worker; "cuda", or "auto" where the cluster has GPUs, asks for one GPU a
            task.
        address: of the cluster; None is the one this machine belongs to, or else a new one of
            this machine alone.
        listen: is called in every worker, and returns who is told what happens there; it can be
            pickled and compared.

    Raises:
        UsageError: Ray is not installed, or no cluster is at the address.
        WeightsError: the checkpoint cannot be used.
        DeviceError: the cluster has no GPU.
    """
    todo = list(jobs)
    if not todo:
        return
    import torch

    with redirect_stdout(sys.stderr), _cluster(address) as ray:  # Ray is chatty
        gpus = int(_wants_gpu(orders.device, ray.cluster_resources().get("GPU", 0)))
        check_network(orders, torch.device("cuda" if gpus else "cpu"))
        if gpus:
            orders = replace(orders, device="cuda")  # Ray shows each task only its own GPU
        task = ray.remote(num_gpus=gpus, max_retries=RETRIES)(_do)
        left = {task.remote(job, waiting, orders, listen, Path.cwd()): job for job in todo}
        try:
            while left:
                (done,), _ = ray.wait(list(left), num_returns=1)
                job = left.pop(done)
                try:
                    yield ray.get(done)
                except ray.exceptions.RayError as error:
                    reason = str(getattr(error, "cause", None) or error).strip()
                    yield worker_died(job, reason.partition("\n")[0])
        finally:
            for running in left:
                ray.cancel(running)
            if left:
                ray.wait(list(left), num_returns=len(left), timeout=SECONDS_TO_END)


@contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """Ray, connected."""
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UsageError(
            "--engine ray needs Ray, which is not installed.", "pip install 'kmn[ray]'"
        ) from error
    # A cluster started here must not report to Ray's makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    try:
        if port.isdecimal():  # where nobody answers, Ray itself would knock for minutes
            socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
        ray.init(address, include_dashboard=False, logging_level=logging.ERROR)
    except Exception as error:  # of whatever kind: it is about the cluster
        raise UsageError(
            f"--engine ray: no cluster at {address or 'this machine'} ({error}).",
            "`ray start --head` starts one and says its address.",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _wants_gpu(device: str, available: float) -> bool:
    if device.startswith("cuda") and not available:
        raise DeviceError("The Ray cluster has no GPU.", "Take --device cpu, or add a machine.")
    return device.startswith("cuda") or (device == "auto" and available > 0)


def _do(
    job: Job, waiting: bool, orders: Orders, listen: Callable[[], Tell], folder: Path
) -> Outcome:
    """The task; paths are as they were typed, in the folder where they were typed."""
    os.chdir(folder)
    return _worker(orders, listen)(job, waiting)


@lru_cache(maxsize=1)
def _worker(orders: Orders, listen: Callable[[], Tell]) -> RemoteWorker:
    """One network a process: Ray gives it one task after the other."""
    return RemoteWorker(orders, listen())
