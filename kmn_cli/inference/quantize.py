"""What the convolutions of a network are given: the ranges that 8-bit integers must cover.

    python -m kmn_cli.inference.quantize weights/kmn.safetensors

writes them beside the weights, as kmn.int8.json: with that file nobody else has to measure them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from kmn_cli.errors import InputError
from kmn_cli.files import write_text
from kmn_cli.inference.device import to_device
from kmn_cli.inference.parts import PARTS, PartwiseNetwork
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.model import KMN, fold_batch_norms, load_checkpoint

EVERY = 6  # of the demo clip's 50 frames one is looked at
STEPS = 255  # between the ends of a range

# Of each part, by its name, the least and the greatest input of its convolutions in their order;
# None for one that is not rounded.
Ranges = Mapping[str, Sequence[Sequence[float] | None]]


class _Convolutions(TorchFunctionMode):
    """Does something with the input and the weights of every convolution before it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function is torch.conv2d:
            args = (*self.prepare(args[0], args[1]), *args[2:])
            self.count += 1
        return function(*args, **(kwargs or {}))

    def prepare(self, given: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


class _Watched(_Convolutions):
    """Notes what the convolutions of a network are given.

    Not of the two kinds whose rounding costs most and whose exactness least: those that see the
    picture and the masks, whose errors go through all the others, and those that make keys, which
    are compared by small differences.
    """

    def __init__(self, model: KMN) -> None:
        super().__init__()
        self.found: list[tuple[float, float] | None] = []
        self._keys = (model.query_head.key.weight, model.memory_head.key.weight)

    def prepare(self, given: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        exact = given.shape[1] <= 3 or any(weight is key for key in self._keys)
        self.found.append(None if exact else (given.min().item(), given.max().item()))
        return given, weight


class Quantized(_Convolutions):
    """Within this context, convolutions compute as if in 8-bit integers.

    Inputs are rounded to 256 steps of their range, zero among them; weights symmetrically, each
    output channel to 255 steps of its own. Those without a range compute as ever.

    Args:
        ranges: of the part that runs, in the order of its convolutions.
    """

    def __init__(self, ranges: Sequence[Sequence[float] | None]) -> None:
        super().__init__()
        self._ranges = ranges

    def prepare(self, given: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        known = self._ranges[self.count]
        if known is None:
            return given, weight
        low, high = known
        low, high = min(low, 0.0), max(high, 0.0)
        step = (high - low) / STEPS or 1.0
        given = torch.fake_quantize_per_tensor_affine(given, step, round(-low / step), 0, STEPS)
        most = STEPS // 2
        steps = (weight.detach().abs().amax((1, 2, 3)) / most).clamp(min=1e-12)
        zeros = torch.zeros(len(steps), dtype=torch.int32)
        weight = torch.fake_quantize_per_channel_affine(weight, steps, zeros, 0, -most, most)
        return given, weight


def measure_ranges(model: KMN) -> Ranges:
    """The ranges while frames of the demo clip are segmented: means over the frames.

    Args:
        model: folded, on the CPU, float32.
    """
    to_device(model, torch.device("cpu"))  # in the layout that is fast
    seen: dict[str, list[list[tuple[float, float] | None]]] = {name: [] for name in PARTS}

    def run(name: str, *inputs: Tensor) -> tuple[Tensor, ...]:
        with _Watched(model) as watched:
            outputs = PARTS[name](model, *inputs)
        seen[name].append(watched.found)
        return outputs

    segmenter = VideoSegmenter(PartwiseNetwork(model.config, run, "fp32"))
    clip = demo_clip()
    from kmn_cli.media.labels import read_mask  # only here: a machine that trains may lack ffmpeg
    from kmn_cli.media.video import open_video

    with open_video(clip) as video:
        mask = read_mask(clip.with_suffix(".png"), (video.info.width, video.info.height))
        for frame in islice(video, 0, None, EVERY):
            segmenter.step(frame.image, None if segmenter.object_ids else mask.labels)
    return {
        name: [_mean(ranges) for ranges in zip(*found, strict=True)] for name, found in seen.items()
    }


def _mean(ranges: Sequence[tuple[float, float] | None]) -> list[float] | None:
    known = [pair for pair in ranges if pair is not None]
    return torch.tensor(known, dtype=torch.float64).mean(0).tolist() if known else None


def shipped_ranges(digest: str) -> Ranges | None:
    """The ranges that were measured beforehand for the weights with this digest."""
    for path in shipped_weights().glob("*.int8.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["weights"] == digest:
            return {name: document["ranges"][name] for name in PARTS}
    return None


def weights_digest(model: KMN) -> str:
    """SHA-256 of a network's parameters, as they lie in its file: not folded."""
    digest = hashlib.sha256()
    for tensor in model.state_dict().values():
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def demo_clip() -> Path:
    """The clip that is measured on; its first mask lies beside it."""
    return _package() / "examples" / "bunny.mp4"


def shipped_weights() -> Path:
    """The folder of the shipped checkpoints."""
    return _package() / "weights"


def _package() -> Path:
    """In a wheel both lie within the package, in a source tree beside it."""
    package = Path(__file__).parent.parent
    return package if (package / "weights").is_dir() else package.parent


def main(weights: Path) -> None:
    """Measure the ranges of a checkpoint and write them beside it."""
    if weights.suffix != ".safetensors":
        raise InputError(f"{weights} is no .safetensors file.", "Name a checkpoint of kmn.")
    model = load_checkpoint(weights).model
    ranges = {
        name: [pair and [float(f"{value:.4g}") for value in pair] for pair in pairs]
        for name, pairs in measure_ranges(fold_batch_norms(model)).items()
    }
    document = {"weights": weights_digest(model), "ranges": ranges}
    write_text(weights.with_suffix(".int8.json"), json.dumps(document) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
