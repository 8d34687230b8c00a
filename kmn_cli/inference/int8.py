"""The network's convolutions in 8-bit integers on a CPU, by OpenVINO: `pip install 'kmn[int8]'`.

The read and the aggregation of objects stay in torch. The graphs are made once for each network,
from what it computes on a short clip, and kept in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kmn_cli.errors import KmnError, UsageError
from kmn_cli.inference.partwise import PARTS, PartwiseKMN
from kmn_cli.inference.segment_options import SegmentOptions
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.masks import read_mask
from kmn_cli.media.video import open_video
from kmn_cli.model import KMN

CALIBRATION_FRAMES = 12


def quantized(model: KMN, tell: Callable[[str], None]) -> KMN:
    """A network that computes nearly the same in 8-bit integers.

    Args:
        model: folded, on the CPU, float32.
        tell: is told what takes a minute when the graphs have to be made.

    Raises:
        UsageError: OpenVINO is not installed.
        KmnError: the cache folder cannot be written.
    """
    # Intel's packages report their use to Intel, unless this one cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise UsageError(
            f"--precision int8 needs OpenVINO, which cannot be imported ({error}).",
            "pip install 'kmn[int8]'",
        ) from error
    folder = _cache_folder() / f"int8-{_fingerprint(model, openvino.__version__)}"
    if not folder.is_dir():
        tell(f"int8: quantizing the network, once for these weights; kept in {folder}")
        try:
            _make_graphs(model, folder, openvino)
        except OSError as error:
            raise KmnError(
                f"{folder}: cannot be written ({error}).", "XDG_CACHE_HOME names another place."
            ) from error
    core = openvino.Core()
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    graphs = {name: core.compile_model(folder / f"{name}.xml", "CPU", settings) for name in PARTS}

    def run(name: str, *inputs: Tensor) -> tuple[Tensor, ...]:
        outputs = graphs[name]([part.contiguous().numpy() for part in inputs])
        return tuple(torch.from_numpy(array) for array in outputs.values())

    return PartwiseKMN(model.config, run)


def _make_graphs(model: KMN, folder: Path, openvino: Any) -> None:
    """Converts and quantizes the parts into `folder`, which appears when it is whole."""
    import nncf

    inputs = _calibration_inputs(model)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tracing: shapes that are constants here
            for name in PARTS:
                example = tuple(map(torch.from_numpy, inputs[name][0]))
                graph = openvino.convert_model(_Part(model, name).eval(), example_input=example)
                graph = nncf.quantize(
                    graph,
                    nncf.Dataset(inputs[name]),
                    preset=nncf.QuantizationPreset.MIXED,
                    subset_size=len(inputs[name]),
                )
                openvino.save_model(graph, partial / f"{name}.xml")
        try:
            partial.replace(folder)
        except OSError:
            if not folder.is_dir():  # another process was faster
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


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

    options = SegmentOptions(size=model.config.size, sigma=model.config.sigma, precision="fp32")
    segmenter = VideoSegmenter(PartwiseKMN(model.config, run), options)
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
    """Of all that decides the graphs."""
    digest = hashlib.sha256(f"{version} {model.config}".encode())
    for tensor in model.state_dict().values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kmn"
