"""The network as it runs: batch norms folded into the convolutions before them."""

from __future__ import annotations

from copy import deepcopy
from typing import cast

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from kmn_cli.model.encoders import MemoryEncoder
from kmn_cli.model.kmn import KMN
from kmn_cli.model.trunk import Bottleneck, PreActivationBottleneck

# Which convolution feeds which batch norm. A pre-activation block's first batch norm follows a sum
# and stays, as does the one on the input of the v2 trunk, whose shift padding would not follow.
_FOLDS: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    Bottleneck: (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")),
    PreActivationBottleneck: (("conv1", "bn2"), ("conv2", "bn3")),
}


def fold_batch_norms(model: KMN) -> KMN:
    """A copy for inference that computes the same in fewer steps; not to be saved or trained."""
    folded = deepcopy(model).eval().requires_grad_(False)
    for encoder in (folded.query_encoder, folded.memory_encoder):
        if isinstance(encoder, MemoryEncoder):
            # The masks are added between the stem's convolution and its batch norm.
            for conv in (encoder.conv_mask, encoder.conv_others):
                conv.weight.mul_(_scale(encoder.trunk.bn1)[:, None, None, None])
        _fold(encoder.trunk, "conv1", "bn1")
        for block in list(encoder.modules()):
            for conv_name, norm_name in _FOLDS.get(type(block), ()):
                _fold(block, conv_name, norm_name)
            if isinstance(block, Bottleneck) and block.downsample is not None:
                _fold(block.downsample, "0", "1")
    return folded


def _scale(norm: nn.BatchNorm2d) -> Tensor:
    assert norm.running_var is not None
    return norm.weight / (norm.running_var + norm.eps).sqrt()


def _fold(parent: nn.Module, conv_name: str, norm_name: str) -> None:
    conv = cast(nn.Conv2d, parent.get_submodule(conv_name))
    norm = cast(nn.BatchNorm2d, parent.get_submodule(norm_name))
    setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm))
    setattr(parent, norm_name, nn.Identity())
