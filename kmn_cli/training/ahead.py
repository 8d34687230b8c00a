"""Batches on their way to the device, while it is busy with the batch before."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from kmn_cli.data.clips import Batch
from kmn_cli.data.scene import Source

MOST_THREADS = 8


def threads_to_draw(sources: Sequence[Source], device: torch.device) -> int:
    """How many threads draw: several where a processor draws for a GPU, which would wait for one.

    A processor that trains has no thread to spare, and a GPU that holds the pictures is fast.
    """
    on_host = any(source.store.pixels.device.type == "cpu" for source in sources)
    several = device.type == "cuda" and on_host
    return min(MOST_THREADS, os.cpu_count() or 1) if several else 1


def drawn(draw: Callable[[int], Batch], first: int, threads: int) -> Iterator[Batch]:
    """The batches of all steps from `first` on, in order, drawn by so many threads."""
    if threads == 1:
        yield from map(draw, itertools.count(first))
        return
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for step in itertools.count(first):
            waiting.append(pool.submit(draw, step))
            if len(waiting) > threads:
                yield waiting.popleft().result()


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """Moves batches to a device; to be iterated on a thread of its own.

    On a GPU all work on them, drawing included, runs on a stream of its own: whoever draws may
    look at what was drawn without waiting for the training step.
    """
    if device.type != "cuda":
        yield from (Batch(*(part.to(device) for part in batch)) for batch in batches)
        return
    training, drawing = torch.cuda.default_stream(device), torch.cuda.Stream(device)
    source = iter(batches)
    while True:
        with torch.cuda.device(device), torch.cuda.stream(drawing):
            batch = Batch(*(part.to(device) for part in next(source)))
            for part in batch:
                part.record_stream(training)  # its memory is not drawn over before it is used
            drawing.synchronize()
        yield batch
