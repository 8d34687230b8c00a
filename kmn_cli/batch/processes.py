"""Several workers on one machine: a process each, which takes the next video when it is free."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from kmn_cli.batch.events import Event, Tell
from kmn_cli.batch.job import Job
from kmn_cli.batch.worker import Orders, Outcome, RemoteWorker, worker_died

SECONDS_TO_END = 10.0


def run_in_processes(
    jobs: Iterable[Job], waiting: bool, orders: Sequence[Orders], tell: Tell
) -> Iterator[Outcome]:
    """Work off jobs with one process for each of `orders`, and yield outcomes as they come.

    A process that dies costs the video it was at: it fails, and a new process takes the next.
    Leaving the iterator early interrupts the processes and waits for them. What happens there is
    told here, and what they log is logged here.
    """
    todo: queue.SimpleQueue[Job] = queue.SimpleQueue()
    count = 0
    for job in jobs:
        todo.put(job)
        count += 1
    done: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    stop = threading.Event()
    threads = [
        threading.Thread(target=_attend, args=(order, todo, done, waiting, stop, tell), daemon=True)
        for order in orders[:count]
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(count):
            outcome = _wait_for(done)
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _wait_for(done: queue.SimpleQueue[Outcome | BaseException]) -> Outcome | BaseException:
    while True:
        with suppress(queue.Empty):
            return done.get(timeout=0.5)  # on Windows Ctrl-C ends no endless wait


def _attend(
    orders: Orders,
    todo: queue.SimpleQueue[Job],
    done: queue.SimpleQueue[Outcome | BaseException],
    waiting: bool,
    stop: threading.Event,
    tell: Tell,
) -> None:
    """Hand jobs to one worker process, and a new one when it has died."""
    worker: _Process | None = None
    try:
        with suppress(queue.Empty):
            while not stop.is_set():
                job = todo.get_nowait()
                worker = worker if worker and worker.is_alive() else _Process(orders)
                done.put(worker.do(job, waiting, stop, tell))
    except BaseException as error:
        done.put(error)
    finally:
        if worker is not None:
            worker.end()


class _Process:
    """A worker process and the pipe to it."""

    def __init__(self, orders: Orders) -> None:
        # Not forked: a fork would copy the locks of torch's and OpenCV's threads as they stand.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, orders, logging.getLogger("kmn_cli").getEffectiveLevel())
        )
        self._process.start()
        theirs.close()

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def do(self, job: Job, waiting: bool, stop: threading.Event, tell: Tell) -> Outcome:
        try:
            self._pipe.send((job, waiting))
            told = False
            while True:
                if stop.is_set() and not told:
                    self._process.terminate()  # it takes this as an interruption
                    told = True
                if not self._pipe.poll(0.2):
                    continue
                message = self._pipe.recv()
                if isinstance(message, Outcome):
                    return message
                if isinstance(message, Event):
                    tell(message)
                else:
                    logging.getLogger(message.name).handle(message)
        except (EOFError, OSError):
            self._process.join()
            status = self._process.exitcode or 0
            return worker_died(job, f"signal {-status}" if status < 0 else f"status {status}")

    def end(self) -> None:
        """Let the process end: an idle one notices that the pipe is closed."""
        self._pipe.close()
        self._process.join(SECONDS_TO_END)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(pipe: Connection, orders: Orders, level: int) -> None:
    """The life of a worker process."""
    # Ctrl-C reaches the whole group, but it is for the one that started us: it may have been told
    # to ignore it, as a shell does for what it starts in the background.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    lock = threading.Lock()  # what writes results logs on a thread of its own

    def send(message: object) -> None:
        with lock:
            pipe.send(message)

    root = logging.getLogger("kmn_cli")
    root.setLevel(level)
    root.addHandler(_Sender(send))
    with suppress(KeyboardInterrupt, EOFError, BrokenPipeError):
        worker = RemoteWorker(orders, send)
        while True:
            send(worker(*pipe.recv()))


class _Sender(logging.Handler):
    """Sends what is logged to the process that started this one."""

    def __init__(self, send: Callable[[object], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args = record.getMessage(), None
        with suppress(OSError):  # whoever listened has gone
            self._send(record)


def _end_with_parent() -> None:
    """Interrupt this process when the one that started it has gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
