"""A new network that can match before it has learned anything.

The paper starts its key heads from random numbers, and a training then spends most of its time on
making two unrelated projections agree. The principal components of what the ImageNet trunk sees,
the same in both heads, find an object again without any training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from kmn_cli.data.clips import draw_batch
from kmn_cli.data.scene import Source
from kmn_cli.model import KMN
from kmn_cli.training.recipe import Recipe

FRAMES, AT_ONCE = 160, 8
WHITENING = -0.25  # exponent of the eigenvalues: half way to components of equal strength


def frames_for_matching(sources: Sequence[Source], recipe: Recipe) -> Iterator[Tensor]:
    """Batches (B, 3, H, W) of frames as the training will draw them, nothing hidden or pasted."""
    settings = replace(recipe.clip_settings(0), paste=0, hide_probability=0, multi_object=0)
    for step in range(FRAMES // AT_ONCE):
        yield draw_batch(sources, settings, recipe.seed, step, range(AT_ONCE)).frames[:, 0]


@torch.no_grad()
def match_from_start(
    model: KMN, frames: Iterable[Tensor], similarity: float, mask_gain: float
) -> None:
    """Makes both key heads the same projection of what the query trunk sees.

    The projection is the centre tap of the 3x3 convolution: res4 features, less their mean, on
    their first principal components, each divided by the fourth root of its variance.

    Args:
        model: a new network whose trunks have been taught, changed in place.
        frames: batches (B, 3, H, W) in [0, 1] of the data to come.
        similarity: mean of a cell's similarity k·k/√C_k with itself.
        mask_gain: what the memory stem's convolutions of the masks are multiplied by, so that an
            object's mask changes what the trunk makes of its frame, but not beyond recognition.
    """
    mean, components, variances = _principal_components(model, frames)
    dim = model.config.key_dim
    projection = components[:, :dim].T * variances[:dim, None] ** WHITENING  # (C_k, C)
    square = (variances[:dim] ** (1 + 2 * WHITENING)).sum()  # mean |k|² so far
    projection *= (similarity * dim**0.5 / square) ** 0.5
    for head in (model.query_head, model.memory_head):
        head.key.weight.zero_()
        head.key.weight[:, :, 1, 1] = projection
        assert head.key.bias is not None
        head.key.bias.copy_(-projection @ mean)
    for convolution in (model.memory_encoder.conv_mask, model.memory_encoder.conv_others):
        convolution.weight.mul_(mask_gain)


def _principal_components(model: KMN, frames: Iterable[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (C,), eigenvectors (C, C) and eigenvalues (C,), largest first, of res4 features."""
    channels = model.query_head.key.in_channels
    device = model.query_head.key.weight.device
    count, total = 0, torch.zeros(channels, dtype=torch.float64)
    products = torch.zeros(channels, channels, dtype=torch.float64)
    for batch in frames:
        cells = (
            model.query_encoder(batch.to(device)).r4.permute(0, 2, 3, 1).flatten(0, 2).cpu()
        )  # (n, C)
        count += len(cells)
        total += cells.sum(0)
        products += cells.T @ cells
    mean = total / count
    values, vectors = torch.linalg.eigh(products / count - mean[:, None] * mean)
    floor = values[-1] * 1e-6
    return mean.float(), vectors.flip(1).float(), values.flip(0).clamp(min=floor).float()
