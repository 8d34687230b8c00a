"""Checkpoints: safetensors files that say what network they hold, and STM's .pth as a guest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from kmn_cli.errors import WeightsError
from kmn_cli.files import atomic_path
from kmn_cli.model.config import KMNConfig
from kmn_cli.model.kmn import KMN
from kmn_cli.model.stm_weights import STM_SUFFIXES, read_stm

DEFAULT_WEIGHTS = "kmn"
CONFIG_KEY = "kmn_config"


@dataclass(frozen=True)
class Checkpoint:
    """A loaded network with where it came from.

    Attributes:
        model: in evaluation mode, on the CPU, float32.
        name: the file's stem.
        path: the file.
        sha256: of the file's bytes.
        metadata: what the file says of its training and scores; empty for a foreign file.
    """

    model: KMN
    name: str
    path: Path
    sha256: str
    metadata: dict[str, str]


def load_checkpoint(weights: str | Path | None = None) -> Checkpoint:
    """Loads a network.

    Args:
        weights: a file (our .safetensors or an STM .pth), the name of a shipped checkpoint, or
            None for the default one.

    Raises:
        WeightsError: the file is missing, damaged, or holds another network; names are given.
    """
    path = find_weights(weights)
    with readable(path):
        config, metadata = _describe(path)
        tensors = read_stm(path) if path.suffix in STM_SUFFIXES else load_file(path)
    model = _outline(config, tensors, path)
    whole = {  # copies: the file may be written to; an older one lacks counters
        name: tensors.get(name, torch.zeros(())).to(own.dtype, copy=True)
        for name, own in model.state_dict().items()
    }
    model.load_state_dict(whole, assign=True)
    model.eval().requires_grad_(False)
    return Checkpoint(model, path.stem, path, _sha256(path), metadata)


def read_config(weights: str | Path | None = None) -> KMNConfig:
    """The config of the network that `load_checkpoint` would load, without loading it.

    Raises:
        WeightsError: the file is missing, or does not describe a network of kmn's.
    """
    path = find_weights(weights)
    with readable(path):
        return _describe(path)[0]


def save_checkpoint(
    path: Path,
    model: KMN,
    metadata: Mapping[str, str] | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Writes a network as safetensors, whole or not at all.

    Args:
        path: the file to write.
        model: the network.
        metadata: what to say about training and scores, text by name.
        dtype: storage of convolution weights; batch norms and buffers stay float32.
    """
    tensors = {
        name: tensor.detach()
        .to("cpu", dtype if tensor.dim() == 4 and tensor.shape[0] > 1 else tensor.dtype)
        .contiguous()
        for name, tensor in model.state_dict().items()
    }
    header = {**(metadata or {}), CONFIG_KEY: json.dumps(model.config.to_dict())}
    with atomic_path(path) as part:
        # Not save_file, which makes a file that only its owner may read.
        part.write_bytes(save(tensors, header))


def find_weights(weights: str | Path | None) -> Path:
    """The file meant by a path, the name of a shipped checkpoint, or None.

    Raises:
        WeightsError: there is no such file; the shipped names are listed.
    """
    shipped = {file.stem: file for folder in _weight_folders() for file in _checkpoints(folder)}
    if weights is None:
        weights = DEFAULT_WEIGHTS
    if str(weights) in shipped:
        return shipped[str(weights)]
    path = Path(weights)
    if path.is_file():
        return path
    raise WeightsError(
        f"{weights}: no such weights file.",
        f"Give the path of a .safetensors or .pth file, or one of: {', '.join(shipped) or '-'}.",
    )


def _outline(config: KMNConfig, tensors: Mapping[str, Tensor], path: Path) -> KMN:
    """Return a network without memory, lest one that its file does not hold fill all there is."""
    if sum(config.blocks) > len(tensors):
        raise WeightsError(
            f"{path}: describes {sum(config.blocks)} blocks, but holds {len(tensors)} tensors.",
            "Copy or download it again.",
        )
    with torch.device("meta"):
        model = KMN(config)
    check_names(model, tensors, str(path))
    return model


def load_strictly(model: torch.nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copies tensors into a module, all of them and no others.

    Raises:
        WeightsError: naming every missing, unexpected and misshapen tensor.
    """
    check_names(model, tensors, source)
    model.load_state_dict(dict(tensors), strict=False)


def check_names(model: torch.nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Compare tensors with those of a module by name and shape.

    Raises:
        WeightsError: naming every missing, unexpected and misshapen tensor.
    """
    own = model.state_dict()
    # Older files lack this counter, which a frozen batch norm never reads.
    missing = [n for n in own if n not in tensors and not n.endswith("num_batches_tracked")]
    unexpected = [n for n in tensors if n not in own]
    misshapen = [
        f"{n} {tuple(tensors[n].shape)} instead of {tuple(own[n].shape)}"
        for n in own
        if n in tensors and tensors[n].shape != own[n].shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen}
    problems = [f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names]
    if problems:
        raise WeightsError(
            f"{source}: not the weights of this network; {'; '.join(problems)}",
            "Use a checkpoint written by `kmn train`, or STM's STM_weights.pth.",
        )


def _weight_folders() -> list[Path]:
    package = Path(__file__).parent.parent
    return [package / "weights", package.parent / "weights"]  # a wheel, a source tree


def _checkpoints(folder: Path) -> list[Path]:
    """The networks in a folder; NAME.prompts.safetensors is a part of one."""
    return sorted(path for path in folder.glob("*.safetensors") if "." not in path.stem)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say of what goes wrong within that the file cannot be read.

    Raises:
        WeightsError: instead.
    """
    try:
        yield
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error}).") from error
    except SafetensorError as error:
        raise WeightsError(
            f"{path}: not a safetensors file, or damaged ({error}).",
            "Copy or download it again.",
        ) from error


def _describe(path: Path) -> tuple[KMNConfig, dict[str, str]]:
    """The network in a file and what else it says of itself."""
    if path.suffix in STM_SUFFIXES:
        return KMNConfig(trunk="resnet50"), {}
    with safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata() or {})
    if CONFIG_KEY not in metadata:
        raise WeightsError(
            f"{path}: a safetensors file, but not one of kmn's: it does not describe its network.",
            "Use a checkpoint written by `kmn train`.",
        )
    try:
        return KMNConfig.from_dict(json.loads(metadata.pop(CONFIG_KEY))), metadata
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path}: its network description is damaged ({error}).") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
