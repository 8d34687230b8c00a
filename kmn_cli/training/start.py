"""The network a run starts from: a checkpoint, or a trunk that knows ImageNet."""

from __future__ import annotations

from pathlib import Path
from typing import cast
from urllib.error import URLError

import torch
from safetensors.torch import load_file
from torch import Tensor

from kmn_cli.errors import WeightsError
from kmn_cli.model import KMN, KMNConfig, load_checkpoint
from kmn_cli.model.checkpoint import load_strictly


def start_network(init: str | None, config: KMNConfig, trunk_weights: str | None, seed: int) -> KMN:
    """Builds the network to train.

    Args:
        init: a checkpoint to go on from; then the rest is ignored.
        config: of a new network.
        trunk_weights: "imagenet" (torchvision's, for resnet50), a file, or None for random ones.
        seed: of the random weights.

    Raises:
        WeightsError: a file is missing or fits another network.
    """
    if init is not None:
        return load_checkpoint(init).model.requires_grad_(True)
    torch.manual_seed(seed)
    model = KMN(config)
    if trunk_weights is not None:
        tensors = _read_trunk(trunk_weights, config.trunk)
        for encoder in (model.query_encoder, model.memory_encoder):
            load_strictly(encoder.trunk, tensors, trunk_weights)
    return model


def _read_trunk(source: str, trunk: str) -> dict[str, Tensor]:
    """A trunk's tensors; the classifier and the last stage of a whole ResNet are left out."""
    tensors = _imagenet(trunk) if source == "imagenet" else _read_file(Path(source))
    return {k: v for k, v in tensors.items() if not k.startswith(("layer4.", "fc."))}


def _imagenet(trunk: str) -> dict[str, Tensor]:
    from torchvision.models import ResNet50_Weights

    if trunk != "resnet50":
        raise WeightsError(
            "--trunk-weights imagenet is torchvision's ResNet-50, which is a resnet50 trunk.",
            "Use --trunk resnet50, or give a file for resnet50v2.",
        )
    try:
        state = ResNet50_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsError(
            f"The ImageNet weights cannot be downloaded ({error}).",
            "Download torchvision's resnet50 elsewhere and give the file to --trunk-weights.",
        ) from error
    return cast(dict[str, Tensor], state)


def _read_file(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such file.", "Check --trunk-weights.") from error
    except Exception as error:  # damaged bytes make the unpickler fail in any way
        raise WeightsError(f"{path}: cannot be read as weights ({error}).") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise WeightsError(f"{path}: holds no state dict.", "Save the network's state_dict().")
    return state
