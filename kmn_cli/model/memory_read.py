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
# Of a query cell's weight, the part that may go unread where values are in bfloat16.
NEGLIGIBLE = 2**-3


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
    tile of memory rows gives both the arg max and the logits. The softmax over p is accumulated
    with a running maximum, in powers of two, which are faster than of e.

    Values in bfloat16 are multiplied so, everything else is in the type of the keys. On a CPU it is
    then also left out what weighs next to nothing: a query cell passes over a tile of n of the N
    memory cells that holds less than NEGLIGIBLE · n / N of its softmax so far. So it misses at most
    that part of its whole weight, and the rest still sums up to 1; readouts of real videos move by
    some 0.4 %. To make such tiles frequent they are patches of the grid through all frames, after
    the first frame, in a video the previous one, as a first guess. Of a flat softmax nothing is
    left out.

    Args:
        query_key: as in `read_plain`.
        memory_key: as there.
        memory_value: as there, or in bfloat16.
        sigma: as there.
        tile: number of memory cells held at once. The default fits a CPU's cache, or is 256 MB on
            a GPU, which is slow to start many small steps.
        similarity: computes eq. (1), if not torch.

    Returns:
        As `read_plain`, in the type of the keys.
    """
    dim, height, width = query_key.shape
    cells, count = height * width, memory_key.shape[1]
    on_cpu = query_key.device.type == "cpu"
    sparse = on_cpu and memory_value.dtype == torch.bfloat16
    if tile is None:
        tile = TILE if on_cpu else max(TILE, 2**26 // cells)
    query = query_key.flatten(1).t().contiguous()
    scale = math.log2(math.e) / math.sqrt(dim)  # from c to powers of two
    if sparse:
        order = _patches(count, height, width, tile)
    else:
        order = torch.arange(count, device=query.device)
    readouts = []
    for keys, values in zip(memory_key, memory_value, strict=True):
        total = query.new_zeros(cells, 1)
        readout = query.new_zeros(cells, values.shape[1])
        peak = query.new_full((cells, 1), -torch.inf)
        for rows in order.split(tile):
            key, value = keys.index_select(0, rows), values.index_select(0, rows)
            logits = similarity(query, key) if similarity else _product(query, key, height)
            if sigma is not None:
                _add_kernel(logits.unflatten(0, (height, width)), math.sqrt(dim) / (2 * sigma**2))
            new_peak = torch.maximum(peak, logits.amax(1, keepdim=True))
            weights = torch.add(-scale * new_peak, logits, alpha=scale, out=logits)
            if on_cpu:
                weights.clamp_(min=FLOOR)
            mass = weights.exp2_().sum(1, keepdim=True)
            rescale = (scale * (peak - new_peak)).clamp_(min=FLOOR).exp2_()
            total.mul_(rescale)
            readout.mul_(rescale)
            peak = new_peak
            if sparse:
                least = total * (NEGLIGIBLE * len(rows) / count)
                heard = (mass > least)[:, 0].nonzero()[:, 0]
                total.index_add_(0, heard, mass.index_select(0, heard))
                weights = weights.index_select(0, heard).to(value.dtype)
                readout.index_add_(0, heard, (weights @ value).to(readout.dtype))
            else:
                total += mass
                readout += _product(weights.to(value.dtype), value.t(), height)
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


def _product(rows: Tensor, others: Tensor, height: int) -> Tensor:
    """Rows of query cells (hw, C) times others (n, C): (hw, n).

    On a CPU a 1x1 convolution of a batch of grid rows is the same product and the faster one:
    oneDNN, which torch leaves it to, makes full use of processors on which `@` does not.
    """
    if rows.device.type != "cpu":
        return rows @ others.t()
    image = rows.unflatten(0, (height, 1, -1)).permute(0, 3, 1, 2)  # (h, C, 1, w), channels last
    return functional.conv2d(image, others[..., None, None]).permute(0, 2, 3, 1).flatten(0, 2)


def _add_kernel(logits: Tensor, steepness: float) -> None:
    """Takes steepness · |q - q̂(p)|² from logits (h, w, n), in place: (3) and the logarithm of (4).

    q̂ is found row first: a maximum is found much faster than its place. Of several, the first one.
    """
    height, width, _ = logits.shape
    row = logits.amax(1).max(0).indices  # (n,)
    column = logits.gather(0, row.expand(1, width, -1))[0].max(0).indices
    for size, best, part in ((height, row, logits), (width, column, logits.transpose(0, 1))):
        place = torch.arange(size, dtype=logits.dtype, device=logits.device)[:, None]
        part.sub_((place - best).square_().mul_(steepness)[:, None])


def _grid(height: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of each query cell, (hw,) each, centred so that products stay small."""
    y = torch.arange(height, dtype=like.dtype, device=like.device) - (height - 1) / 2
    x = torch.arange(width, dtype=like.dtype, device=like.device) - (width - 1) / 2
    return y.repeat_interleave(width), x.repeat(height)
