"""Whether what is followed now is still what was given: the memory read the other way round."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from kmn_cli.inference.network import Network


class Given(NamedTuple):
    """A frame, and the masks that were given for it."""

    image: Tensor  # (1, 3, H', W')
    masks: Tensor  # (K, H', W')


def agreement(
    network: Network, given: Given, memory: tuple[Tensor, Tensor], sigma: float | None
) -> list[float]:
    """Return the IoU, 0 to 1, of each given mask with what a memory of one frame finds there.

    Args:
        network: ready to run.
        given: K objects.
        memory: keys (K, hw, C_k) and values (K, hw, C_v) of another frame, or of this one.
        sigma: of the read.
    """
    query = network.encode_query(given.image)
    found = network.decode(network.read(query, memory, sigma), query)[1:] > 0.5
    wanted = given.masks > 0.5
    both = (found & wanted).sum((1, 2))
    either = (found | wanted).sum((1, 2)).clamp(min=1)
    return torch.div(both, either).tolist()
