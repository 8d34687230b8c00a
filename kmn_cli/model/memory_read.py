"""The kernelized memory read, equations (1) to (5) of the paper.

Legend: K objects, N = T·h·w memory cells p, h·w query cells q, C_k and C_v channels.

`read_plain` follows the equations line by line and is the oracle of the tests; `read_tiled` gives
the same readout in memory that does not grow with N, and is what runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

# Query cells (hw, C_k) and memory cells (n, C_k) to c(p, q), (hw, n), which the caller may change.
Similarity = Callable[[Tensor, Tensor], Tensor]

# 2 ** anything smaller is below 1e-34: nothing in a sum, but slow as a denormal.
FLOOR = -115.0
# Memory cells at once; rows of a multiple of 64 bytes are the fast ones, of 4096 slow again.
TILE = 1008
# The part of a query cell's weight that may go unread: less than the values' own rounding does.
NEGLIGIBLE = {torch.bfloat16: 2**-6, torch.float32: 2**-24}


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
    similarity: Similarity | None = None,
) -> Tensor:
    """The same readout, tile by tile over the memory cells.

    The arg max of eq. (3) needs every query cell but only one memory cell, so one product of a
    tile of memory rows gives both the arg max and the logits. |q - q̂|² expands into |q|², which
    is the same for every p and cancels in the softmax, and a product of rank three. The softmax
    over p is accumulated with a running maximum, in powers of two, which are faster than of e.

    On a CPU a query cell passes over the values of a tile whose share of its softmax is below
    `NEGLIGIBLE` of a fair one, n / N for n cells: in all it misses at most that part of its
    weight, and the rest is brought to a sum of 1. To make such tiles frequent they are patches of
    the grid through all frames, and the first frame, the previous one in a video, comes before
    them as a first guess of the whole sum. Where the softmax is flat nothing is passed over.

    Args and returns as `read_plain`; `tile` is the number of memory cells held at once. The
    default fits a CPU's cache, or is 256 MB on a GPU, which is slow to start many small steps.
    `similarity` is eq. (1), if something else than torch is to multiply. Values in bfloat16 are multiplied so, everything else is in the type of the keys.
    """
    dim, height, width = query_key.shape
    cells, count = height * width, memory_key.shape[1]
    on_cpu = query_key.device.type == "cpu"
    if tile is None:
        tile = TILE if on_cpu else max(TILE, 2**26 // cells)
    query = query_key.flatten(1).t().contiguous()
    scale = math.log2(math.e) / math.sqrt(dim)  # of c, to powers of two
    y, x = _grid(height, width, query_key)
    grid = torch.stack([y, x, torch.ones_like(y)], 1)  # (hw, 3)
    order = _patches(count, height, width, tile) if on_cpu else torch.arange(count)
    order = order.to(query_key.device)
    negligible = NEGLIGIBLE.get(memory_value.dtype, 0.0)
    readouts = []
    for keys, values in zip(memory_key, memory_value, strict=True):
        total = query.new_zeros(cells, 1)
        readout = query.new_zeros(cells, values.shape[1])
        peak = query.new_full((cells, 1), -torch.inf)
        for rows in order.split(tile):
            part = keys.index_select(0, rows)
            logits = similarity(query, part) if similarity else _product(query, part, height)
            if sigma is not None:
                best = _best(logits.unflatten(0, (height, width)))
                by, bx = y[best], x[best]
                centre = torch.stack([by, bx, -(by**2 + bx**2) / 2])  # (3, n)
                logits.addmm_(grid, centre, alpha=math.sqrt(dim) / sigma**2)
            new_peak = torch.maximum(peak, logits.amax(1, keepdim=True))
            weights = torch.add(-scale * new_peak, logits, alpha=scale, out=logits)
            mass = weights.clamp_(min=FLOOR).exp2_().sum(1, keepdim=True)
            rescale = (scale * (peak - new_peak)).clamp_(min=FLOOR).exp2_()
            total.mul_(rescale)
            readout.mul_(rescale)
            peak = new_peak
            part = values.index_select(0, rows)
            if on_cpu:
                fair = len(rows) / count
                heard = (mass > negligible * fair * total)[:, 0].nonzero()[:, 0]
                weights, mass = weights.index_select(0, heard), mass.index_select(0, heard)
                total.index_add_(0, heard, mass)
                readout.index_add_(0, heard, _weighted(weights, part))
            else:
                total += mass
                readout += _weighted(weights, part)
        readouts.append((readout / total).t().unflatten(1, (height, width)))
    return torch.stack(readouts)


def _patches(count: int, height: int, width: int, tile: int) -> Tensor:
    """Memory cells (N,) in the order of the read: the first frame, then square patches of the grid,
    each through all frames, so large that a tile holds about one."""
    place = torch.arange(count) % (height * width)
    side = max(1, math.isqrt(tile * height * width // count))
    patch = place // width // side * width + place % width // side
    patch[: height * width] = -1
    return patch.int().argsort(stable=True)


def _product(query: Tensor, keys: Tensor, height: int) -> Tensor:
    """Query (hw, C) times keys (n, C): (hw, n).

    On a CPU a 1x1 convolution of a batch of grid rows is the same product and the faster one:
    oneDNN, which torch leaves it to, makes full use of processors on which `@` does not.
    """
    if keys.device.type != "cpu":
        return query @ keys.t()
    image = query.unflatten(0, (height, 1, -1)).permute(0, 3, 1, 2)  # (h, C, 1, w), channels last
    return functional.conv2d(image, keys[..., None, None]).permute(0, 2, 3, 1).flatten(0, 2)


def _best(logits: Tensor) -> Tensor:
    """Query cell (n,) with the largest of logits (h, w, n), the first one of several.

    First its row: a maximum is found much faster than its place.
    """
    row = logits.amax(1).max(0).indices
    column = logits.gather(0, row.expand(1, logits.shape[1], -1))[0].max(0).indices
    return row * logits.shape[1] + column


def _weighted(weights: Tensor, values: Tensor) -> Tensor:
    """Weights (m, n) times values (n, C), in the type of the weights; see `_product`."""
    if values.device.type == "cpu" and values.dtype == torch.float32:
        image = weights[None, None].permute(0, 3, 1, 2)  # (1, n, 1, m), channels last
        return functional.conv2d(image, values.t()[..., None, None])[0, :, 0].t()
    return (weights.to(values.dtype) @ values).to(weights.dtype)


def _grid(height: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of each query cell, (hw,) each, centred so that products stay small."""
    y = torch.arange(height, dtype=like.dtype, device=like.device) - (height - 1) / 2
    x = torch.arange(width, dtype=like.dtype, device=like.device) - (width - 1) / 2
    return y.repeat_interleave(width), x.repeat(height)
