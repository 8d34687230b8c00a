"""Hide-and-Seek (section 4): random cells are hidden in the image and leave the ground truth."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kmn_cli.data.augment import MEAN_COLOUR


def hidden_cells(
    rng: np.random.Generator, frames: int, grid: int, probability: float, independent: bool
) -> np.ndarray:
    """Which cells are hidden, (frames, grid, grid) bool.

    Args:
        rng: source of chance.
        frames: of the clip.
        grid: cells a side; the paper has 24, the size of the key at 384 pixels.
        probability: of each cell.
        independent: whether each frame hides cells of its own (Fig. 4) or all the same ones.
    """
    hidden = rng.random((frames if independent else 1, grid, grid)) < probability
    return np.broadcast_to(hidden, (frames, grid, grid)).copy()


def hide(images: Tensor, labels: Tensor, hidden: Tensor, fill: str) -> tuple[Tensor, Tensor]:
    """Hides cells: their pixels become a plain colour, their ground truth background.

    Args:
        images: (..., 3, H, W) in [0, 1].
        labels: (..., H, W) object ids.
        hidden: (..., grid, grid) bool.
        fill: "mean" (the data set's mean colour, as the original Hide-and-Seek) or "black".
    """
    height, width = labels.shape[-2:]
    rows = torch.arange(height, device=labels.device) * hidden.shape[-2] // height
    columns = torch.arange(width, device=labels.device) * hidden.shape[-1] // width
    mask = hidden[..., rows[:, None], columns[None, :]]
    colour = images.new_tensor(MEAN_COLOUR if fill == "mean" else (0.0, 0.0, 0.0)).view(3, 1, 1)
    return torch.where(mask[..., None, :, :], colour, images), labels.masked_fill(mask, 0)
