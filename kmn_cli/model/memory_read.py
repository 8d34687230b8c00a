"""The kernelized memory read, equations (1) to (5) of the paper.

Legend: K objects, N = T·h·w memory cells p, h·w query cells q, C_k and C_v channels.

`read_plain` follows the equations line by line and is the oracle of the tests; `read_tiled` gives
the same readout in memory that does not grow with N, and is what runs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

# 2 ** anything smaller is below 1e-34: nothing in a sum, but slow as a denormal.
FLOOR = -115.0


def read_plain(
    query_key: Tensor, memory_key: Tensor, memory_value: Tensor, sigma: float | None
) -> Tensor:
    """Reads the memory by equations (1) to (5), holding every (p, q) pair at once.

    Args:
        query_key: (C_k, h, w).
        memory_key: (K, N, C_k).
        memory_value: (K, N, C_v).
        sigma: standard deviation of the kernel in grid cells; None is STM's read, eq. (2) with
            the scale of (5).

    Returns:
        Readout (K, C_v, h, w).
    """
    dim, height, width = query_key.shape
    # (1) c(p, q) = k^M(p) k^Q(q)^T
    similarity = memory_key @ query_key.flatten(1)  # (K, N, hw)
    logits = similarity / math.sqrt(dim)
    if sigma is not None:
        y, x = _grid(height, width, query_key)
        # (3) q̂(p) = argmax_q c(p, q); ties take the lowest index
        best = similarity.argmax(-1)  # (K, N)
        # (4) g(p, q) = exp(-|q - q̂(p)|² / 2σ²), here its logarithm
        distance = (y - y[best][..., None]) ** 2 + (x - x[best][..., None]) ** 2
        logits = logits - distance / (2 * sigma**2)
    # (5) r(q) = Σ_p softmax_p(c/√d + log g) v^M(p)
    weights = logits.softmax(1)
    return (weights.transpose(1, 2) @ memory_value).transpose(1, 2).unflatten(2, (height, width))


def read_tiled(
    query_key: Tensor,
    memory_key: Tensor,
    memory_value: Tensor,
    sigma: float | None,
    tile: int | None = None,
) -> Tensor:
    """The same readout, tile by tile over the memory cells.

    The arg max of eq. (3) needs every query cell but only one memory cell, so one product of a
    tile of memory rows gives both the arg max and the logits. |q - q̂|² expands into |q|², which
    is the same for every p and cancels in the softmax, and a product of rank three. The softmax
    over p is accumulated with a running maximum, in powers of two, which are faster than of e.

    Args and returns as `read_plain`; `tile` is the number of memory cells held at once. The
    default fits a CPU's cache, or is 256 MB on a GPU, which is slow to start many small steps.
    Values in bfloat16 are multiplied so, everything else is in the type of the keys.
    """
    dim, height, width = query_key.shape
    cells = height * width
    if tile is None:
        tile = 1024 if query_key.device.type == "cpu" else max(1024, 2**26 // cells)
    query = query_key.flatten(1) * (math.log2(math.e) / math.sqrt(dim))
    y, x = _grid(height, width, query_key)
    grid = torch.stack([y, x, torch.ones_like(y)])  # (3, hw)
    readouts = []
    for keys, values in zip(memory_key, memory_value, strict=True):
        total = query.new_zeros(cells)
        readout = query.new_zeros(values.shape[1], cells)
        peak = query.new_full((cells,), -torch.inf)
        for start in range(0, len(keys), tile):
            logits = _similarity(keys[start : start + tile], query)  # (n, hw)
            if sigma is not None:
                best = logits.max(-1).indices
                by, bx = y[best], x[best]
                centre = torch.stack([by, bx, -(by**2 + bx**2) / 2], 1)  # (n, 3)
                logits.addmm_(centre, grid, alpha=math.log2(math.e) / sigma**2)
            new_peak = torch.maximum(peak, logits.amax(0))
            weights = logits.sub_(new_peak).clamp_(min=FLOOR).exp2_()
            rescale = (peak - new_peak).clamp_(min=FLOOR).exp2_()
            total = total.mul_(rescale).add_(weights.sum(0))
            readout.mul_(rescale).add_(_weighted(values[start : start + tile], weights))
            peak = new_peak
        readouts.append((readout / total).unflatten(1, (height, width)))
    return torch.stack(readouts)


def _similarity(keys: Tensor, query: Tensor) -> Tensor:
    """Keys (n, C) times query (C, hw).

    A 1x1 convolution is the same product. On a CPU it is the faster one: oneDNN makes full use of
    processors on which the library behind `@` does not.
    """
    if keys.device.type != "cpu":
        return keys @ query
    image = keys[None, None].permute(0, 3, 1, 2)  # (1, C, 1, n), channels last
    return functional.conv2d(image, query.t()[..., None, None])[0, :, 0].t()


def _weighted(values: Tensor, weights: Tensor) -> Tensor:
    """Values (n, C) transposed times weights (n, hw); see `_similarity`."""
    weights = weights.to(values.dtype)
    if values.device.type != "cpu":
        return values.t() @ weights
    return functional.conv2d(weights[None, :, None], values.t()[..., None, None])[0, :, 0]


def _grid(height: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of each query cell, (hw,) each, centred so that products stay small."""
    y = torch.arange(height, dtype=like.dtype, device=like.device) - (height - 1) / 2
    x = torch.arange(width, dtype=like.dtype, device=like.device) - (width - 1) / 2
    return y.repeat_interleave(width), x.repeat(height)
