"""Medians of interleaved runs, and peak memory of a fresh process."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def medians(calls: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median seconds of each call, taken in turns so that a busy moment hits all alike."""
    for call in calls:
        call()
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, taken in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds]


def extra_memory(prepare: Callable[..., Callable[[], object]], *arguments: Any) -> int:
    """Bytes by which the call that `prepare` returns raises the peak of a fresh process."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(sender, prepare, arguments))
    process.start()
    grown: int = receiver.recv()
    process.join()
    return grown


def _measure(sender: Any, prepare: Callable[..., Callable[[], object]], arguments: Any) -> None:
    call = prepare(*arguments)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from here
    before = _peak()
    call()
    sender.send(_peak() - before)


def _peak() -> int:
    """Largest resident size in bytes (Linux). Unlike ru_maxrss it is not the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
