"""The network a run starts from: a checkpoint, or a trunk that knows ImageNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast
from urllib.error import URLError

import torch
from safetensors.torch import load_file
from torch import Tensor

from kmn_cli.data.scene import Source
from kmn_cli.errors import UsageError, WeightsError
from kmn_cli.inference.device import to_device
from kmn_cli.model import KMN, KMNConfig, load_checkpoint
from kmn_cli.model.checkpoint import load_strictly
from kmn_cli.training.matching import frames_for_matching, match_from_start
from kmn_cli.training.recipe import Recipe


@dataclass(frozen=True)
class Start:
    """What a run starts from.

    Attributes:
        init: a checkpoint to go on from; then the rest is ignored.
        trunk: "resnet50" or "resnet50v2", of a new network.
        trunk_weights: what its trunk has learned: a file, "imagenet" (torchvision's, for
            resnet50), "random", or None for "imagenet" where there is one.
    """

    init: str | None = None
    trunk: Literal["resnet50", "resnet50v2"] = "resnet50"
    trunk_weights: str | None = None


def start_network(
    start: Start, recipe: Recipe, sources: Sequence[Source], device: torch.device
) -> KMN:
    """Builds the network to train, on its device.

    A new network is wide as the recipe says, and matches from the start if the recipe wants it.
    Its own best size is the paper's five fourths of the crop, which trains at 384 and segments
    at 480.

    Raises:
        UsageError: a trunk that has learned nothing is to be frozen.
        WeightsError: a file is missing or fits another network.
    """
    size = recipe.crop * 5 // 4
    if start.init is not None:
        model = load_checkpoint(start.init).model.requires_grad_(True)
        model.config = replace(model.config, size=max(size, model.config.size))
        return to_device(model, device)
    config = KMNConfig(start.trunk, size=size, decoder_dim=recipe.decoder_dim)
    model = to_device(_new_network(config, start.trunk_weights, recipe), device)
    if recipe.match_start:
        frames = frames_for_matching(sources, recipe)
        match_from_start(model, frames, recipe.match_start, recipe.mask_gain)
    return model


def _new_network(config: KMNConfig, trunk_weights: str | None, recipe: Recipe) -> KMN:
    """A network whose trunk has learned what `trunk_weights` says, the rest nothing."""
    if trunk_weights is None:
        trunk_weights = "imagenet" if config.trunk == "resnet50" else "random"
    torch.manual_seed(recipe.seed)
    model = KMN(config)
    if trunk_weights != "random":
        tensors = _read_trunk(trunk_weights, config.trunk)
        for encoder in (model.query_encoder, model.memory_encoder):
            load_strictly(encoder.trunk, tensors, trunk_weights)
    elif recipe.freeze:
        raise UsageError(
            f"The first {recipe.freeze} parts of a random {config.trunk} would never be trained.",
            "Give --trunk-weights what it has learned, --init a checkpoint, or --set freeze=0.",
        )
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
