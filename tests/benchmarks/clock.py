"""Medians of interleaved runs, and peak memory of a fresh process."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch


def medians(calls: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median seconds of each call, taken in turns so that a busy moment hits all alike."""
    for call in calls:
        call()
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, taken in zip(calls, seconds, strict=True):
            wait()
            start = time.perf_counter()
            call()
            wait()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds]


def processor_seconds() -> float:
    """Of this process and of its helpers that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def wait() -> None:
    """Until a GPU has done what it was told."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def memory(prepare: Callable[..., Callable[[], object]], *arguments: Any) -> tuple[int, int]:
    """Peak bytes of a fresh process during the call that `prepare` returns, or of its GPU.

    Returns:
        By how much the call raises what was taken before it, and the peak itself.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(sender, prepare, arguments))
    process.start()
    sender.close()  # so that a child that dies is not waited for
    grown, peak = receiver.recv()
    process.join()
    return grown, peak


def _measure(sender: Any, prepare: Callable[..., Callable[[], object]], arguments: Any) -> None:
    call = prepare(*arguments)
    if torch.cuda.is_initialized():
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        call()
        peak = torch.cuda.max_memory_allocated()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from here
        before = _peak()
        call()
        peak = _peak()
    sender.send((peak - before, peak))


def _peak() -> int:
    """Largest resident size in bytes (Linux). Unlike ru_maxrss it is not the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
