"""A frozen batch norm: the ordinary one's answers and gradients, and nothing of it moves."""

from __future__ import annotations

import torch
from torch import nn

from kmn_cli.model.frozen_norm import FrozenBatchNorm2d


def drawn_norm() -> FrozenBatchNorm2d:
    torch.manual_seed(0)
    norm = FrozenBatchNorm2d(8)
    state = {name: torch.rand_like(t.float()) + 0.5 for name, t in norm.state_dict().items()}
    norm.load_state_dict(state)
    return norm


def test_it_answers_and_learns_as_an_ordinary_one_in_eval_mode():
    norm = drawn_norm()
    ordinary = nn.BatchNorm2d(8).eval()
    ordinary.load_state_dict(norm.state_dict())
    weights = torch.randn(2, 8, 6, 5)
    gradients = []
    for each in (norm, ordinary):
        x = torch.randn(2, 8, 6, 5, generator=torch.Generator().manual_seed(1), requires_grad=True)
        answer = each(x)
        (answer.square() * weights).sum().backward()
        assert x.grad is not None
        gradients.append((answer.detach(), x.grad))
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_training_mode_changes_neither_its_statistics_nor_its_parameters():
    norm = drawn_norm()
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    x = torch.randn(2, 8, 6, 5, requires_grad=True)
    nn.Sequential(norm).train()(x).sum().backward()
    assert not norm.training
    assert norm.weight.grad is None
    assert all(torch.equal(before[name], tensor) for name, tensor in norm.state_dict().items())


def test_its_gradient_lies_in_memory_as_its_input():
    x = torch.randn(2, 8, 6, 5).to(memory_format=torch.channels_last).requires_grad_()
    drawn_norm()(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.is_contiguous(memory_format=torch.channels_last)
