"""What is trained and how fast."""

from __future__ import annotations

import torch
from torch import nn

from kmn_cli.model import KMN
from kmn_cli.model.frozen_norm import FrozenBatchNorm2d
from kmn_cli.training.recipe import Recipe


def build_optimizer(model: KMN, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam, or AdamW with weight decay, in groups of trunks and new layers, matrices and vectors.

    Each group keeps its full rate under "rate"; schedules scale it.
    """
    _freeze(model, recipe.freeze)
    on_gpu = next(model.parameters()).is_cuda
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        rate = recipe.trunk_rate if ".trunk." in name else recipe.learning_rate
        decay = recipe.weight_decay if parameter.dim() > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    kind = torch.optim.AdamW if recipe.weight_decay else torch.optim.Adam
    return kind(
        [
            {"params": params, "lr": rate, "rate": rate, "weight_decay": decay}
            for (rate, decay), params in groups.items()
        ],
        fused=on_gpu,
    )


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Scales every group's rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["rate"] * factor


def _freeze(model: KMN, parts: int) -> None:
    """Stops training of batch norms, and of the query trunk's first parts: stem, layer1, layer2,
    layer3."""
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.requires_grad_(False)
    trunk = model.query_encoder.trunk
    for names in (("bn0", "conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",))[:parts]:
        for name, module in trunk.named_children():
            if name in names:
                module.requires_grad_(False)
