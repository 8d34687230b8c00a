"""Works off the videos of a batch: what becomes of each is an outcome, never an exception."""

from __future__ import annotations

import gc
import logging
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from kmn_cli.batch.claim import BusyError
from kmn_cli.batch.events import Event, Tell
from kmn_cli.batch.job import Job, Settings
from kmn_cli.batch.segment_one import segment_one
from kmn_cli.errors import DeviceError, ExitCode, KmnError, describe
from kmn_cli.inference.loaded import LoadedNetwork, load_network
from kmn_cli.inference.ready import choose_precision, ready_for_inference
from kmn_cli.model.checkpoint import load_checkpoint
from kmn_cli.platforms import keep_freed_memory

log = logging.getLogger(__name__)

# Works off jobs in any order; `wait` tells to wait for videos other processes are at.
Runner = Callable[[Iterable[Job], bool], Iterator["Outcome"]]


@dataclass(frozen=True)
class Outcome:
    """What became of one video: one of `result`, `error` and `busy` is set.

    Attributes:
        job: what was to be done.
        result: its result.json.
        skipped: it had been done before.
        error: why it failed.
        busy: the process that works on it.
    """

    job: Job
    result: dict[str, Any] | None = None
    skipped: bool = False
    error: KmnError | None = None
    busy: str | None = None


@dataclass(frozen=True)
class Worker:
    """Segments one video after the other with one network on one device."""

    settings: Settings
    network: LoadedNetwork
    tell: Tell

    def __call__(self, job: Job, wait: bool) -> Outcome:
        """Segment one video."""
        try:
            result = segment_one(job, self.settings, self.network, self.tell, wait=wait)
        except BusyError as error:
            self.tell(Event("busy", {"input": str(job.video.path), "holder": str(error)}))
            return Outcome(job, busy=str(error))
        except Exception as error:
            outcome = failed(job, error, self.tell)
        else:
            return Outcome(job, result.document, result.skipped)
        if outcome.error and outcome.error.exit_code == ExitCode.DEVICE:
            free_memory()  # only now: until here the exception held what is to be freed
        return outcome

    def run(self, jobs: Iterable[Job], wait: bool) -> Iterator[Outcome]:
        """Segment videos in their order."""
        for job in jobs:
            yield self(job, wait)


def failed(job: Job, error: Exception, tell: Tell) -> Outcome:
    """The outcome of a video whose segmentation raised something."""
    said = describe(error)
    facts = {"input": str(job.video.path), "message": said.message, "hint": said.hint}
    trace = "".join(traceback.format_exception(error))
    tell(Event("failed", {**facts, "exit_code": int(said.exit_code), "traceback": trace}))
    # Anew: the traceback and causes of what was raised hold the run, its memory bank and frames.
    return Outcome(job, error=type(said)(said.message, said.hint))


def free_memory() -> None:
    """Give memory that was taken when it ran out back before the next video."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@dataclass(frozen=True)
class Orders:
    """What a worker in a process of its own is told when it starts.

    Attributes:
        device: a name, as `load_network` takes it.
        threads: of the network; None is torch's choice.
    """

    settings: Settings
    weights: str | None
    device: str
    threads: int | None = None


def check_network(orders: Orders, device: torch.device) -> None:
    """Load the network before many processes do: what is wrong with it is better said once.

    And 8-bit graphs that are not there yet are better made once.
    """
    model = load_checkpoint(orders.weights).model
    precision = orders.settings.options.precision
    if precision == "auto" and device.type == "cpu":  # a GPU may be another machine's
        precision, _ = choose_precision(model, device)
    if precision == "int8":
        ready_for_inference(model, device, "int8", log.info)


class RemoteWorker:
    """A worker in a process of its own, which starts with its first job and never raises."""

    def __init__(self, orders: Orders, tell: Tell) -> None:
        keep_freed_memory()
        if orders.threads is not None:
            torch.set_num_threads(orders.threads)
        self._orders, self._tell = orders, tell
        self._worker: Worker | None = None

    def __call__(self, job: Job, wait: bool) -> Outcome:
        """Segment one video."""
        orders = self._orders
        try:
            if self._worker is None:
                precision = orders.settings.options.precision
                # Who made the orders has said which devices there are.
                network = load_network(orders.weights, orders.device, precision, log.debug)
                self._worker = Worker(orders.settings, network, self._tell)
        except Exception as error:  # there is no room for the network
            return failed(job, error, self._tell)
        return self._worker(job, wait)


def worker_died(job: Job, how: str) -> Outcome:
    """The outcome of a job whose process has ended in the middle."""
    return Outcome(
        job,
        error=DeviceError(
            f"The worker process ended ({how}).",
            "If memory ran out (signal 9), segment fewer videos at a time or take a smaller "
            "--size; run the same command again, and it goes on from the last saved state.",
        ),
    )
