"""The kernelized memory read, equations (1) to (5) of the paper.

Legend: K objects, N = T·h·w memory cells p, h·w query cells q, C_k and C_v channels.

`read_plain` follows the equations line by line and is the oracle of the tests; `read_tiled` gives
the same readout in memory that does not grow with N, and is what runs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# exp() of anything smaller is below 1e-34: nothing in a sum, but slow as a denormal.
EXP_FLOOR = -80.0


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
    over p is accumulated with a running maximum.

    Args and returns as `read_plain`; `tile` is the number of memory cells held at once. The
    default fits a CPU's cache, or is 256 MB on a GPU, which is slow to start many small steps.
    """
    dim, height, width = query_key.shape
    cells = height * width
    if tile is None:
        tile = 1024 if query_key.device.type == "cpu" else max(1024, 2**26 // cells)
    query = query_key.flatten(1) / math.sqrt(dim)
    y, x = _grid(height, width, query_key)
    grid = torch.stack([y, x, torch.ones_like(y)])  # (3, hw)
    readouts = []
    for keys, values in zip(memory_key, memory_value, strict=True):
        total = query.new_zeros(cells)
        readout = query.new_zeros(cells, values.shape[1])
        peak = query.new_full((cells,), -torch.inf)
        for start in range(0, len(keys), tile):
            logits = keys[start : start + tile] @ query  # (n, hw)
            if sigma is not None:
                best = logits.argmax(-1)
                by, bx = y[best], x[best]
                centre = torch.stack([by, bx, -(by**2 + bx**2) / 2], 1) / sigma**2  # (n, 3)
                logits.addmm_(centre, grid)
            new_peak = torch.maximum(peak, logits.amax(0))
            weights = logits.sub_(new_peak).clamp_(min=EXP_FLOOR).exp_()
            rescale = (peak - new_peak).clamp_(min=EXP_FLOOR).exp_()
            total = total.mul_(rescale).add_(weights.sum(0))
            readout.mul_(rescale[:, None]).addmm_(weights.t(), values[start : start + tile])
            peak = new_peak
        readouts.append((readout / total[:, None]).t().unflatten(1, (height, width)))
    return torch.stack(readouts)


def _grid(height: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of each query cell, (hw,) each, centred so that products stay small."""
    y = torch.arange(height, dtype=like.dtype, device=like.device) - (height - 1) / 2
    x = torch.arange(width, dtype=like.dtype, device=like.device) - (width - 1) / 2
    return y.repeat_interleave(width), x.repeat(height)
