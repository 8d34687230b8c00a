"""Works off the videos of a batch: what becomes of each is an outcome, never an exception."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kmn_cli.batch.claim import BusyError
from kmn_cli.batch.job import Job, Settings
from kmn_cli.batch.listener import Listener
from kmn_cli.batch.segment_one import Engine, segment_one
from kmn_cli.errors import DeviceError, ExitCode, KmnError

if TYPE_CHECKING:
    import torch

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


class Worker:
    """Segments one video after the other with one network on one device."""

    def __init__(self, settings: Settings, weights: str | None, device: str, listener: Listener):
        from kmn_cli.inference.loaded import load_network

        network = load_network(weights, device, settings.options.precision, listener.note)
        listener.detail(f"weights: {network.path} (sha256 {network.sha256})")
        self.engine = Engine(network, listener)
        self._settings, self._listener = settings, listener

    def __call__(self, job: Job, wait: bool) -> Outcome:
        """Segment one video.

        Raises:
            Exception: only of a video that is alone, or KeyboardInterrupt.
        """
        start, path = time.monotonic(), str(job.video.path)
        self._listener.event("started", input=path, output=str(job.folder))
        try:
            result = segment_one(job, self._settings, self.engine, wait=wait)
        except BusyError as error:
            self._listener.event("busy", input=path, holder=str(error))
            return Outcome(job, busy=str(error))
        except Exception as error:
            if job.alone:
                raise
            self._listener.note(f"{job.video.path} failed:")
            said = self._listener.error(error)
            self._listener.event("failed", input=path, message=said.message)
            if said.exit_code == ExitCode.DEVICE:
                _free_memory()
            return Outcome(job, error=said)
        if result.skipped:
            self._listener.note(f"{job.video.path}: already done, see {job.folder}")
        seconds = round(time.monotonic() - start, 3)
        name = "skipped" if result.skipped else "finished"
        facts = {"frames": result.document["frames"], "seconds": seconds}
        self._listener.event(name, input=path, output=str(job.folder), **facts)
        return Outcome(job, result.document, result.skipped)

    def run(self, jobs: Iterable[Job], wait: bool) -> Iterator[Outcome]:
        """Segment videos in their order."""
        for job in jobs:
            yield self(job, wait)


def _free_memory() -> None:
    """Give memory that was taken when it ran out back before the next video."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


@dataclass(frozen=True)
class Orders:
    """What a worker in a process of its own is told when it starts.

    Attributes:
        make_listener: of the worker's process; it is pickled.
        threads: of the network; None is torch's choice.
    """

    settings: Settings
    weights: str | None
    device: str
    threads: int | None
    make_listener: Callable[[], Listener]


def check_network(orders: Orders, device: torch.device, tell: Callable[[str], None]) -> None:
    """Load the network before many processes do: what is wrong with it is better said once.

    And 8-bit graphs that are not there yet are better made once.
    """
    from kmn_cli.inference.ready import ready_for_inference
    from kmn_cli.model.checkpoint import load_checkpoint

    model = load_checkpoint(orders.weights).model
    if orders.settings.options.precision == "int8":
        ready_for_inference(model, device, "int8", tell)


class RemoteWorker:
    """A worker in a process of its own, which starts with its first job and never raises."""

    def __init__(self, orders: Orders) -> None:
        import torch

        if orders.threads is not None:
            torch.set_num_threads(orders.threads)
        self._orders = orders
        self._worker: Worker | None = None
        self._listener = orders.make_listener()

    def __call__(self, job: Job, wait: bool) -> Outcome:
        """Segment one video."""
        orders = self._orders
        try:
            if self._worker is None:
                self._worker = Worker(
                    orders.settings, orders.weights, orders.device, self._listener
                )
            return self._worker(job, wait)
        except Exception as error:  # of a video that is alone; or there is no room for the network
            return Outcome(job, error=self._listener.error(error))


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
