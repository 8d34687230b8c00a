"""The network's convolutions in 8-bit integers on a CPU, by OpenVINO: `pip install 'kmn[int8]'`.

The read, but for the product of its keys, and the aggregation of objects stay in torch. The graphs
are made in seconds where the ranges of the weights were measured beforehand, and kept in the user's
cache folder.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kmn_cli import __version__
from kmn_cli.errors import KmnError, UsageError
from kmn_cli.files import atomic_path
from kmn_cli.inference.parts import PARTS, PartwiseNetwork
from kmn_cli.inference.quantize import (
    Quantized,
    Ranges,
    measure_ranges,
    shipped_ranges,
    weights_digest,
)
from kmn_cli.model import KMN, fold_batch_norms
from kmn_cli.model.memory_read import Similarity
from kmn_cli.platforms import cache_folder

Graphs = dict[str, Any]


def int8_network(model: KMN, tell: Callable[[str], None]) -> PartwiseNetwork:
    """A network that computes nearly the same in 8-bit integers.

    Args:
        model: on the CPU, float32.
        tell: is told what takes long.

    Raises:
        UsageError: OpenVINO is not installed.
    """
    # Intel's packages report their use to Intel, unless this one cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    openvino = _openvino()
    core = openvino.Core()
    digest = weights_digest(model)
    ranges = shipped_ranges(digest)
    folder = cache_folder() / f"int8-{_fingerprint(digest, ranges, openvino.__version__)}"
    try:
        graphs = {name: _load(core, folder / f"{name}.blob") for name in PARTS}
    except (OSError, RuntimeError):  # not there, or damaged
        graphs = _make_graphs(model, ranges, core, tell)
        _keep(graphs, folder, tell)

    def run(name: str, *inputs: Tensor) -> tuple[Tensor, ...]:
        outputs = graphs[name]([part.contiguous().numpy() for part in inputs])
        return tuple(torch.from_numpy(array) for array in outputs.values())

    return PartwiseNetwork(model.config, run, "int8", _similarity(core))


def _similarity(core: Any) -> Similarity:
    """The product of keys, nearly twice as fast where the processor multiplies bfloat16: OpenVINO
    gives the keys in it there, so that nothing is rounded, and sums up in float32.

    A result holds until the next call.
    """
    operations = import_module("openvino.opset13")
    queries, keys = (operations.parameter([-1, -1], np.float32) for _ in range(2))
    product = operations.matmul(queries, keys, transpose_a=False, transpose_b=True)
    graph = core.compile_model(_openvino().Model([product], [queries, keys]), "CPU", _settings())

    def similarity(query: Tensor, memory: Tensor) -> Tensor:
        outputs = graph([query.numpy(), memory.numpy()], share_inputs=True, share_outputs=True)
        return torch.from_numpy(outputs[0])

    return similarity


def _openvino() -> Any:
    try:
        return import_module("openvino")
    except ImportError as error:
        raise UsageError(
            f"--precision int8 needs OpenVINO, which cannot be imported ({error}).",
            "pip install 'kmn[int8]'",
        ) from error


def _settings() -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "ENABLE_CPU_PINNING": False,  # else several processes are pinned to the same cores
    }


def _load(core: Any, path: Path) -> Any:
    return core.import_model(path.read_bytes(), "CPU", _settings())


def _keep(graphs: Graphs, folder: Path, tell: Callable[[str], None]) -> None:
    try:
        for name, graph in graphs.items():
            with atomic_path(folder / f"{name}.blob") as part:
                part.write_bytes(graph.export_model().getvalue())
    except KmnError as error:
        tell(f"int8: the graphs are not kept for the next run ({error.message})")


def _make_graphs(
    model: KMN, ranges: Ranges | None, core: Any, tell: Callable[[str], None]
) -> Graphs:
    model = fold_batch_norms(model)
    if ranges is None:
        tell("int8: measuring what the convolutions are given, once for these weights")
        ranges = measure_ranges(model)
    with _silence():
        return {
            name: core.compile_model(_convert(model, name, ranges), "CPU", _settings())
            for name in PARTS
        }


def _convert(model: KMN, name: str, ranges: Ranges) -> Any:
    """A part as OpenVINO's graph, with the roundings that its plugin turns into integers."""
    config, height, width = model.config, 4, 6  # of the grid; any size will do
    dim = config.decoder_dim
    shapes: dict[str, list[tuple[int, int]]] = {  # channels, and cells a cell of the grid
        "query": [(3, 16)],
        "memory": [(3, 16), (1, 16), (1, 16)],
        "decoder": [(config.value_dim, 1), (dim, 1), (dim, 2), (dim, 4)],
    }
    inputs = tuple(torch.rand(1, c, f * height, f * width) for c, f in shapes[name])
    part = _Part(model, name, ranges).eval()
    return _openvino().convert_model(part, example_input=inputs)


class _Part(nn.Module):
    def __init__(self, model: KMN, name: str, ranges: Ranges) -> None:
        super().__init__()
        self.model, self.name, self.ranges = model, name, ranges[name]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        with Quantized(self.ranges):
            return PARTS[self.name](self.model, *inputs)


@contextmanager
def _silence() -> Iterator[None]:
    """No progress bars, and no warnings of tracing: shapes that are constants here."""
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        warnings.catch_warnings(action="ignore"),
    ):
        yield


def _fingerprint(digest: str, ranges: Ranges | None, version: str) -> str:
    """Of what decides the compiled graphs."""
    machine = sorted(torch.cpu.get_capabilities().items())
    text = f"{__version__} {version} {digest} {ranges} {machine}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
