"""The losses of a clip."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Per-pixel cross-entropy, (B, T, H, W), of logits (B, T, K + 1, H, W) and labels."""
    flat = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(0, 1), reduction="none")
    return flat.unflatten(0, labels.shape[:2])


def soft_iou_loss(logits: Tensor, labels: Tensor, present: Tensor) -> Tensor:
    """One minus the soft intersection over union, a mean over a sample's objects, (B,).

    Args:
        logits: (B, T, K + 1, H, W).
        labels: (B, T, H, W).
        present: (B, K) bool, the objects that count.
    """
    prob = logits.softmax(2)[:, :, 1:]
    objects = torch.arange(1, prob.shape[2] + 1, device=labels.device).view(1, 1, -1, 1, 1)
    truth = (labels[:, :, None] == objects).to(prob.dtype)
    both = (prob * truth).sum((-2, -1))
    # One pixel more on both sides: an object that is absent and not predicted is no loss.
    iou = (both + 1) / ((prob + truth).sum((-2, -1)) - both + 1)
    loss = (1 - iou).mean(1) * present
    return loss.sum(1) / present.sum(1)
