"""The kernelized read: the fast form against the equations, and the equations' own promises."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from kmn_cli.model.memory_read import NEGLIGIBLE, read_plain, read_tiled
from tests.benchmarks.attention_read import read_by_attention


def random_memory(
    frames: int, height: int, width: int, sharpness: float = 1.0, objects: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(frames * 100 + height)
    query = torch.randn(16, height, width, dtype=torch.float64) * sharpness
    key = torch.randn(objects, frames * height * width, 16, dtype=torch.float64) * sharpness
    value = torch.randn(objects, frames * height * width, 24, dtype=torch.float64)
    return query, key, value


@pytest.mark.parametrize("frames", [1, 2, 7])
@pytest.mark.parametrize("size", [(5, 7), (9, 4), (1, 3)])
@pytest.mark.parametrize("sharpness", [0.01, 1.0, 6.0], ids=["flat", "random", "sharp"])
@pytest.mark.parametrize("sigma", [None, 0.5, 7.0])
def test_tiled_read_equals_the_equations(frames, size, sharpness, sigma):
    memory = random_memory(frames, *size, sharpness, objects=2)
    difference = read_tiled(*memory, sigma, tile=13) - read_plain(*memory, sigma)
    assert difference.abs().max() < 1e-12


def test_equations_written_out_by_hand():
    """Every sum of (1) to (5) in scalar arithmetic."""
    height, width, sigma = 3, 4, 1.5
    query, key, value = random_memory(2, height, width)
    cells = list(product(range(height), range(width)))
    expected = torch.zeros(24, height, width, dtype=torch.float64)
    c = [[float(key[0, p] @ query[:, y, x]) for y, x in cells] for p in range(key.shape[1])]
    best = [cells[max(range(len(cells)), key=lambda q: row[q])] for row in c]
    for q, (y, x) in enumerate(cells):
        weights = [
            math.exp(c[p][q] / math.sqrt(16))
            * math.exp(-((y - by) ** 2 + (x - bx) ** 2) / (2 * sigma**2))
            for p, (by, bx) in enumerate(best)
        ]
        for p, weight in enumerate(weights):
            expected[:, y, x] += weight / sum(weights) * value[0, p]
    assert torch.allclose(read_plain(query, key, value, sigma)[0], expected, atol=1e-12)


def test_values_in_bfloat16_round_nothing_but_themselves_and_their_weights():
    query, key, value = (part.float() for part in random_memory(5, 9, 4))
    expected = read_plain(query, key, value, 7.0)
    readout = read_tiled(query, key, value.bfloat16(), 7.0, tile=13)
    assert readout.dtype == torch.float32
    assert (readout - expected).abs().max() < 0.02 * expected.abs().max()


def places(frames: int, height: int, width: int, sharpness: float) -> tuple[Tensor, ...]:
    """A still video: every cell knows itself again in all frames, the better the sharper."""
    torch.manual_seed(0)
    image = torch.randn(height * width, 16) * sharpness
    noise = torch.randn(2, frames, height * width, 16) * 0.2
    value = torch.randn(2, frames * height * width, 24)
    return image.t().unflatten(1, (height, width)), (image + noise).flatten(1, 2), value


@pytest.mark.parametrize("tile", [13, 48, None])
@pytest.mark.parametrize("sharpness", [0.0, 0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("sigma", [None, 2.0])
def test_what_is_left_out_weighs_less_than_it_says(sharpness, sigma, tile):
    """A part of the weight that is replaced moves a readout at most by the spread of the values."""
    query, key, value = places(9, 12, 10, sharpness)
    value = value.bfloat16()
    expected = read_plain(query, key, value.float(), sigma)
    error = (read_tiled(query, key, value, sigma, tile) - expected).abs().amax()
    spread = value.float().amax() - value.float().amin()
    assert error < spread * (NEGLIGIBLE + 2**-7)  # and bfloat16's rounding


@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.02)])
def test_the_read_by_attention_is_the_same(kind, tolerance):
    query, key, value = places(5, 20, 31, 1.0)
    expected = read_plain(query, key, value.to(kind).float(), 2.0)
    found = read_by_attention(query, key, value.to(kind), 2.0)
    assert (found - expected).norm() < tolerance * expected.norm()


def rows_multiplied(query: Tensor, key: Tensor, value: Tensor) -> int:
    """Query cells whose weights meet the values, summed up over tiles."""
    rows: list[int] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func is torch.ops.aten.mm.default:
                rows.append(len(args[0]))
            return func(*args, **(kwargs or {}))

    with Watch():
        read_tiled(query, key, value.bfloat16(), 2.0, tile=60)
    return sum(rows)


def test_peaked_reads_leave_most_out_and_flat_ones_nothing():
    everything = 2 * 18 * 120  # objects, tiles, query cells
    assert rows_multiplied(*places(9, 12, 10, 4.0)) < 0.4 * everything
    query, key, value = places(9, 12, 10, 0.0)
    assert rows_multiplied(query, key * 0, value) == everything


@pytest.mark.parametrize("size", [(20, 3), (3, 20)])
def test_float32_is_exact_but_for_rounding(size):
    query, key, value = (part.float() for part in random_memory(4, *size, 3.0, objects=2))
    difference = read_tiled(query, key, value, 7.0) - read_plain(query, key, value, 7.0)
    assert difference.abs().max() < 1e-5


def test_eq_1_may_be_computed_elsewhere():
    query, key, value = random_memory(3, 6, 5)
    calls: list[tuple[int, int]] = []

    def similarity(queries: Tensor, keys: Tensor) -> Tensor:
        calls.append((len(queries), len(keys)))
        return queries @ keys.t()

    readout = read_tiled(query, key, value, 7.0, tile=60, similarity=similarity)
    assert torch.allclose(readout, read_plain(query, key, value, 7.0), atol=1e-12)
    assert calls == [(30, 60), (30, 30)]


@pytest.mark.parametrize("read", [read_plain, read_tiled])
def test_wide_kernel_is_the_plain_read(read):
    memory = random_memory(3, 6, 5)
    assert torch.allclose(read(*memory, 1e9), read(*memory, None), atol=1e-12)


@pytest.mark.parametrize("read", [read_plain, read_tiled])
def test_ties_take_the_lowest_index(read):
    """All query cells alike: every memory cell's best match is cell 0, and the kernel sits there.

    One memory cell speaks for itself everywhere, so two with different values are compared by how
    their kernels would differ; with a tie broken alike they never do.
    """
    query = torch.ones(2, 3, 3)
    key = torch.tensor([[[1.0, 0.0], [3.0, -3.0]]])  # the second is at 0 everywhere: a tie
    query[:, 1, 1] = torch.tensor([2.0, 1.0])  # the first prefers the middle, the second (3.0) too
    query[:, 2, 2] = torch.tensor([2.0, 1.0])  # … and just as much the corner
    value = torch.tensor([[[1.0], [0.0]]])
    readout = read(query, key, value, 0.5)[0, 0]
    # Both kernels sit on the middle cell, so the kernel cancels and the plain weights remain.
    assert torch.allclose(readout, read(query, key, value, None)[0, 0], atol=1e-6)


@pytest.mark.parametrize("read", [read_plain, read_tiled])
def test_no_nan_when_the_only_match_is_in_the_far_corner(read):
    """At 68 x 120 cells a kernel of sigma 7 is exp(-194) in the other corner: 0 in float32."""
    height, width = 68, 120
    query = torch.zeros(8, height, width)
    query[:, -1, -1] = 50.0
    key = torch.ones(1, height * width, 8)
    value = torch.arange(height * width, dtype=torch.float32)[None, :, None].expand(1, -1, 4)
    readout = read(query, key, value, 7.0)
    assert readout.isfinite().all()
    assert readout.min() >= 0
    assert readout.max() <= height * width


def test_kernel_keeps_the_read_local():
    """Two query cells look alike; the memory cell is read where it matches best, not at both."""
    angle = torch.arange(40) / 40 * math.pi
    place = torch.stack([angle.cos(), angle.sin()])  # by which the background knows itself
    query = torch.zeros(4, 1, 40)
    query[:2, 0] = place
    query[2, 0, 2], query[2, 0, 38] = 1.0, 0.99
    key = torch.zeros(1, 40, 4)
    key[0, :, :2] = place.t()
    key[0, 2] = torch.tensor([0.0, 0.0, 30.0, 0.0])  # the object
    value = torch.zeros(1, 40, 1)
    value[0, 2] = 1.0
    plain = read_tiled(query, key, value, None)[0, 0, 0]
    local = read_tiled(query, key, value, 2.0)[0, 0, 0]
    assert plain[38] > 0.9
    assert local[2] > 0.9
    assert local[38] < 0.1


def test_extra_memory_of_the_tiled_read_does_not_grow_with_time():
    """Counts the bytes of every tensor the read makes: as many tiles, none of them larger."""

    def largest(frames: int) -> int:
        query, key, value = random_memory(frames, 12, 16)
        sizes: list[int] = []

        class Watch(torch.utils._python_dispatch.TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                out = func(*args, **(kwargs or {}))
                known = {key.data_ptr(), value.data_ptr()}
                if isinstance(out, Tensor) and out.untyped_storage().data_ptr() not in known:
                    sizes.append(out.untyped_storage().nbytes())
                return out

        with Watch():
            read_tiled(query, key, value, 7.0, tile=64)
        return max(sizes)

    assert largest(2) == largest(8)
