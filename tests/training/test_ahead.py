"""Batches drawn ahead of the steps that use them."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from kmn_cli.training.ahead import drawn, threads_to_draw


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_come_in_order_whoever_is_first(threads):
    def draw(step: int):
        time.sleep(0.01 * (step % 3 == 0))
        return step

    assert list(itertools.islice(drawn(draw, 5, threads), 20)) == list(range(5, 25))


def test_several_threads_draw_at_once():
    met = threading.Barrier(3, timeout=10)  # broken unless three are there together

    def draw(step: int):
        met.wait()
        return step

    assert next(drawn(draw, 0, 3)) == 0


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_reaches_the_caller(threads):
    def draw(step: int):
        if step == 2:
            raise ValueError("no object")
        return step

    batches = drawn(draw, 0, threads)
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(ValueError, match="no object"):
        next(batches)


def test_only_a_processor_that_draws_for_a_gpu_uses_several(still_source, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert threads_to_draw([still_source], cpu) == 1
    assert threads_to_draw([still_source], cuda) == 8
    there = replace(still_source, store=SimpleNamespace(pixels=SimpleNamespace(device=cuda)))
    assert threads_to_draw([there], cuda) == 1
