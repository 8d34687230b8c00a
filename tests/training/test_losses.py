"""Losses against their definitions."""

from __future__ import annotations

import pytest
import torch

from kmn_cli.training.losses import cross_entropy, soft_iou_loss


def test_cross_entropy_is_minus_the_log_of_the_true_class():
    logits, labels = torch.randn(2, 2, 3, 4, 4), torch.randint(0, 3, (2, 2, 4, 4))
    expected = -logits.log_softmax(2).gather(2, labels[:, :, None])[:, :, 0]
    assert torch.allclose(cross_entropy(logits, labels), expected, atol=1e-6)


def test_absent_objects_give_finite_loss_and_gradient():
    logits = torch.randn(1, 2, 3, 4, 4)
    logits[:, :, 2] = -torch.inf
    logits.requires_grad_()
    labels = torch.randint(0, 2, (1, 2, 4, 4))
    present = torch.tensor([[True, False]])
    loss = cross_entropy(logits, labels).mean() + soft_iou_loss(logits, labels, present).mean()
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_soft_iou_is_zero_for_the_truth_and_one_for_its_opposite():
    labels = torch.zeros(1, 1, 64, 64, dtype=torch.long)
    labels[..., :32] = 1
    right = torch.nn.functional.one_hot(labels, 2).movedim(-1, 2) * 100.0
    present = torch.tensor([[True]])
    assert soft_iou_loss(right, labels, present).item() == pytest.approx(0, abs=1e-3)
    assert soft_iou_loss(-right, labels, present).item() == pytest.approx(1, abs=1e-3)


def test_soft_iou_ignores_absent_objects():
    labels = torch.zeros(1, 1, 16, 16, dtype=torch.long)
    labels[..., :8] = 1
    logits = torch.randn(1, 1, 3, 16, 16)
    logits[:, :, 2] = -torch.inf
    alone = soft_iou_loss(logits[:, :, :2], labels, torch.tensor([[True]]))
    padded = soft_iou_loss(logits, labels, torch.tensor([[True, False]]))
    assert torch.allclose(alone, padded)
