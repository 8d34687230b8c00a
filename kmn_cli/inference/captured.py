"""Work of a GPU recorded once and replayed: a thousand calls for the price of one."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Hashable
from threading import Lock
from typing import NamedTuple

import torch
from torch import Tensor

log = logging.getLogger(__name__)

Function = Callable[..., tuple[Tensor, ...]]  # from tensors to tensors
WARM_UP = 3  # calls in which the fastest convolutions are found and everything gets its place
MOST = 16  # shapes that are kept; each holds memory
_LOCK = Lock()  # torch records one thing at a time in a process


class _Recording(NamedTuple):
    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    outputs: tuple[Tensor, ...]


class Captured:
    """A function on a GPU, which is recorded as a CUDA graph for each shape that comes often.

    Where that fails, for want of memory or because of what some GPU does not record, it is called
    as it is.

    Args:
        function: does the same for the same shapes, and does not wait for the GPU.
        device: the GPU.
    """

    def __init__(self, function: Function, device: torch.device) -> None:
        self._function, self._device = function, device
        self._calls: Counter[Hashable] = Counter()
        self._recorded: dict[Hashable, _Recording | None] = {}  # None: cannot be
        self._memory = torch.cuda.graph_pool_handle()  # of all, which run one after the other
        self._aside = torch.cuda.Stream(device)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        key = tuple((tensor.shape, tensor.dtype) for tensor in inputs)
        with _LOCK, torch.cuda.device(self._device):
            self._calls[key] += 1
            if self._calls[key] <= WARM_UP:
                return self._run_aside(inputs)
            if key not in self._recorded:
                if len(self._recorded) == MOST:
                    self._recorded.clear()
                self._recorded[key] = self._record(inputs)
            recording = self._recorded[key]
            if recording is None:
                return self._run_aside(inputs)
            for place, tensor in zip(recording.inputs, inputs, strict=True):
                place.copy_(tensor)
            recording.graph.replay()
            return tuple(output.clone() for output in recording.outputs)

    def _run_aside(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Where it is recorded later: what lasts must not belong to another stream."""
        self._aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._aside):
            outputs = self._function(*inputs)
        torch.cuda.current_stream().wait_stream(self._aside)
        return tuple(output.clone() for output in outputs)  # theirs is the other stream's memory

    @torch.inference_mode(False)  # what torch notes at the first recording serves those of training
    def _record(self, inputs: tuple[Tensor, ...]) -> _Recording | None:
        places = [tensor.clone() for tensor in inputs]
        try:
            graph = torch.cuda.CUDAGraph()
            # Other threads use the GPU meanwhile, and are none of it.
            with (  # the outer one leaves the stream also where the end of recording fails
                torch.cuda.stream(self._aside),
                torch.cuda.graph(graph, self._memory, self._aside, "thread_local"),
            ):
                outputs = self._function(*places)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            log.warning("The GPU's work is not recorded, which makes it slower: %s", reason)
            return None
        return _Recording(graph, places, outputs)


def captured_on_gpu(function: Function, device: torch.device) -> Function:
    """The function itself, or where a processor would be too slow to lead it, recorded."""
    return Captured(function, device) if device.type == "cuda" else function
