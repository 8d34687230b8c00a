"""Batches on their way to the device, while it is busy with the batch before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from kmn_cli.data.clips import Batch


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
