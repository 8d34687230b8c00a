"""The fast forms against the plain baseline, on a real clip with the shipped network."""

from __future__ import annotations

import pytest

from tests.benchmarks.bench_agreement import measure


@pytest.mark.slow
def test_fifty_frames_get_the_labels_of_the_plain_baseline():
    fp32, bf16 = measure(240, ["fp32", "bf16"])
    assert fp32["frames"] == 50
    assert fp32["equal"] >= 0.999
    assert bf16["equal"] >= 0.995
