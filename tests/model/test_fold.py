"""Folding changes the steps, not the answers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kmn_cli.model import KMN, KMNConfig, fold_batch_norms


@pytest.mark.parametrize("trunk", ["resnet50", "resnet50v2"])
def test_folded_network_answers_the_same(trunk):
    torch.manual_seed(0)
    model = KMN(KMNConfig.tiny(trunk)).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    folded = fold_batch_norms(model)
    clip = (torch.rand(1, 3, 3, 48, 64), torch.rand(1, 2, 48, 64), torch.ones(1, 2).bool())
    with torch.inference_mode():
        assert torch.allclose(folded(*clip), model(*clip), atol=1e-4)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    left = [m for m in folded.modules() if isinstance(m, nn.BatchNorm2d)]
    blocks = sum(model.config.blocks)
    # v1: none. v2: the input, the first norm of each block, the last; in both encoders.
    assert len(left) == (0 if trunk == "resnet50" else 2 * (1 + blocks + 1))
