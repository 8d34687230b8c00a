"""The fast forms against the plain baseline, on a real clip with the shipped network."""

from __future__ import annotations

import pytest

from tests.benchmarks.bench_agreement import measure


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "share"), [("fp32", 0.999), ("bf16", 0.995)])
def test_fifty_frames_get_the_labels_of_the_plain_baseline(precision, share):
    result = measure(240, precision)
    assert result["frames"] == 50
    assert result["equal"] >= share
