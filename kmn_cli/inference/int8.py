"""The network's convolutions in 8-bit integers on a CPU, by OpenVINO: `pip install 'kmn[int8]'`.

The read and the aggregation of objects stay in torch. The graphs are made once for each network,
from what it computes on a short clip, and kept in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kmn_cli import __version__
from kmn_cli.errors import KmnError, UsageError
from kmn_cli.files import put_in_place
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.inference.torch_network import read_memory
from kmn_cli.media.labels import read_mask
from kmn_cli.media.video import open_video
from kmn_cli.model import KMN, KMNConfig, fold_batch_norms
from kmn_cli.model.decoder import DecoderSkips, soft_aggregate
from kmn_cli.model.kmn import Query
from kmn_cli.platforms import cache_folder

CALIBRATION_FRAMES = 12

# Runs a part, by its name in PARTS, on one frame and one object.
Run = Callable[..., tuple[Tensor, ...]]


def _query(model: KMN, frame: Tensor) -> tuple[Tensor, ...]:
    query = model.encode_query(frame)
    return (query.key, *query.skips)


def _memory(model: KMN, frame: Tensor, own: Tensor, others: Tensor) -> tuple[Tensor, ...]:
    encoder = model.memory_encoder
    return model.memory_head(encoder(encoder.stem(frame), own, others))


def _decoder(model: KMN, readout: Tensor, *skips: Tensor) -> tuple[Tensor, ...]:
    return (model.decoder(readout, DecoderSkips(*skips)),)


PARTS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "query": _query,
    "memory": _memory,
    "decoder": _decoder,
}


class PartwiseNetwork:
    """A `Network` on the CPU that leaves its parts to something else than torch.

    Args:
        config: of the network.
        run: is called with a part's name and its inputs, as PARTS take them after the model.
    """

    stride = 16
    device = torch.device("cpu")
    precision = "int8"

    def __init__(self, config: KMNConfig, run: Run) -> None:
        self.config, self._run = config, run

    def encode_query(self, images: Tensor) -> Query:
        """See `Network`."""
        key, *skips = self._run("query", images)
        return Query(key, DecoderSkips(*skips))

    def memorize(self, image: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """See `Network`."""
        others = (masks.sum(0, keepdim=True) - masks).clamp_(0, 1)
        objects = zip(masks.split(1), others.split(1), strict=True)
        heads = [self._run("memory", image, own[None], rest[None]) for own, rest in objects]
        key, value = (
            torch.cat([head.flatten(2).transpose(1, 2) for head in part])
            for part in zip(*heads, strict=True)
        )
        return key, value

    def read(self, query: Query, memory: tuple[Tensor, Tensor], sigma: float | None) -> Tensor:
        """See `Network`."""
        return read_memory(query, memory, sigma)

    def decode(self, readout: Tensor, query: Query, image: Tensor) -> Tensor:
        """See `Network`."""
        logits = [self._run("decoder", part, *query.skips)[0] for part in readout.split(1)]
        return soft_aggregate(torch.cat(logits)[None].sigmoid_())[0].softmax(0)

    def at_once(self, image: Tensor) -> int:
        """See `Network`."""
        return 1


def quantized(model: KMN, tell: Callable[[str], None]) -> PartwiseNetwork:
    """A network that computes nearly the same in 8-bit integers.

    Args:
        model: on the CPU, float32.
        tell: is told what takes a minute when the graphs have to be made.

    Raises:
        UsageError: OpenVINO or NNCF is not installed.
        KmnError: the graphs cannot be written.
    """
    # Intel's packages report their use to Intel, unless this one cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    openvino = _installed("openvino")
    model = fold_batch_norms(model)
    folder = cache_folder() / f"int8-{_fingerprint(model, openvino.__version__)}"
    if not folder.is_dir():
        _make_graphs(model, folder, tell)
    try:
        graphs = _compile(folder)
    except RuntimeError:  # a damaged file
        shutil.rmtree(folder, ignore_errors=True)
        _make_graphs(model, folder, tell)
        graphs = _compile(folder)

    def run(name: str, *inputs: Tensor) -> tuple[Tensor, ...]:
        outputs = graphs[name]([part.contiguous().numpy() for part in inputs])
        return tuple(torch.from_numpy(array) for array in outputs.values())

    return PartwiseNetwork(model.config, run)


def _installed(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(
            f"--precision int8 needs OpenVINO and NNCF: {name} cannot be imported ({error}).",
            "pip install 'kmn[int8]'",
        ) from error


def _compile(folder: Path) -> dict[str, Any]:
    core = _installed("openvino").Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "ENABLE_CPU_PINNING": False,  # else several processes are pinned to the same cores
    }
    return {name: core.compile_model(folder / f"{name}.xml", "CPU", settings) for name in PARTS}


def _make_graphs(model: KMN, folder: Path, tell: Callable[[str], None]) -> None:
    """Converts and quantizes the parts into `folder`, which appears when it is whole."""
    with _silence():
        openvino = _installed("openvino")
        _installed("nncf")
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    with _writing(folder):
        partial.mkdir(parents=True, exist_ok=True)
    try:
        tell(f"int8: quantizing the network, once for these weights; kept in {folder}")
        inputs = _calibration_inputs(model)
        with _silence():
            graphs = {name: _graph(model, name, inputs[name]) for name in PARTS}
        with _writing(folder):
            for name, graph in graphs.items():
                openvino.save_model(graph, partial / f"{name}.xml")
            if not folder.is_dir():  # another process may have been faster
                put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:  # OpenVINO raises the latter
        raise KmnError(
            f"{folder}: cannot be written ({error}).", "XDG_CACHE_HOME names another place."
        ) from error


@contextmanager
def _silence() -> Iterator[None]:
    """No progress bars, and no warnings of tracing: shapes that are constants here."""
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        warnings.catch_warnings(action="ignore"),
    ):
        yield


def _graph(model: KMN, name: str, inputs: Sequence[tuple[np.ndarray, ...]]) -> Any:
    """A part as a quantized graph."""
    openvino, nncf = _installed("openvino"), _installed("nncf")
    example = tuple(map(torch.from_numpy, inputs[0]))
    graph = openvino.convert_model(_Part(model, name).eval(), example_input=example)
    mixed = nncf.QuantizationPreset.MIXED  # activations may be asymmetric
    return nncf.quantize(graph, nncf.Dataset(inputs), preset=mixed, subset_size=len(inputs))


class _Part(nn.Module):
    def __init__(self, model: KMN, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return PARTS[self.name](self.model, *inputs)


def _calibration_inputs(model: KMN) -> dict[str, list[tuple[np.ndarray, ...]]]:
    """What each part is given while the first frames of the demo clip are segmented."""
    seen: dict[str, list[tuple[np.ndarray, ...]]] = {name: [] for name in PARTS}

    def run(name: str, *inputs: Tensor) -> tuple[Tensor, ...]:
        seen[name].append(tuple(part.contiguous().numpy().copy() for part in inputs))
        return PARTS[name](model, *inputs)

    segmenter = VideoSegmenter(PartwiseNetwork(model.config, run))
    clip = _demo_clip()
    with open_video(clip) as video:
        mask = read_mask(clip.with_suffix(".png"), (video.info.width, video.info.height))
        for frame in islice(video, CALIBRATION_FRAMES):
            segmenter.step(frame.image, None if segmenter.object_ids else mask.labels)
    return seen


def _demo_clip() -> Path:
    package = Path(__file__).parent.parent
    places = [package / "examples", package.parent / "examples"]  # a wheel, a source tree
    return next(place / "bunny.mp4" for place in places if (place / "bunny.mp4").exists())


def _fingerprint(model: KMN, version: str) -> str:
    """Of what decides the graphs."""
    digest = hashlib.sha256(f"{__version__} {version} {model.config}".encode())
    for tensor in model.state_dict().values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
