"""The read by torch's fused attention, to be measured where there is a GPU.

The kernel goes along as four more channels of query and key. Whether it beats the tiles is not
known: at 480p one object keeps few of a large GPU's processors busy.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

EIGHT = 8  # attention in bfloat16 takes channels by the eight


def read_by_attention(
    query_key: Tensor, memory_key: Tensor, memory_value: Tensor, sigma: float
) -> Tensor:
    """Equations (1) to (5); arguments and readout as of `read_tiled`.

    With |q - q̂|² = |q|² - 2 q·q̂ + |q̂|², whose first term no softmax over memory cells notices, the
    exponent of (4) is a product of channels. In units of 1/σ² they are whole numbers, which
    bfloat16 holds, but for |q̂|²/2, which takes two.
    """
    dim, height, width = query_key.shape
    kind = memory_value.dtype
    query = query_key.flatten(1).t()  # (hw, C_k)
    y = torch.arange(height, device=query.device) - height // 2
    x = torch.arange(width, device=query.device) - width // 2
    place = torch.cartesian_prod(y, x).to(query.dtype)  # (hw, 2)
    best = torch.stack([_best(query, keys) for keys in memory_key])  # (K, N)
    at = place[best]  # (K, N, 2)
    half = at.square().sum(-1, keepdim=True) / 2
    high = half.to(kind).to(query.dtype)
    content = memory_key * (sigma**2 / math.sqrt(dim))
    room = -(dim + 4) % EIGHT
    queries = torch.cat([query, place, query.new_ones(len(query), 2)], 1)
    keys = torch.cat([content, at, -high, high - half], 2)
    queries, keys = (functional.pad(part, (0, room)).to(kind) for part in (queries, keys))
    readout = functional.scaled_dot_product_attention(
        queries.expand(len(keys), 1, *queries.shape), keys[:, None], memory_value[:, None],
        scale=sigma**-2,
    )  # fmt: skip
    return readout[:, 0].transpose(1, 2).unflatten(2, (height, width)).to(query.dtype)


def _best(query: Tensor, keys: Tensor) -> Tensor:
    """Eq. (3): the query cell (N,) that is most like each memory cell, some at a time."""
    some = max(1, 2**26 // len(query))
    return torch.cat([(part @ query.t()).argmax(1) for part in keys.split(some)])
