"""What a run would cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kmn_cli.batch import plan
from kmn_cli.batch.job import Settings, make_job
from kmn_cli.inference import estimate
from kmn_cli.inference.estimate import Cost, measure
from kmn_cli.inference.loaded import LoadedNetwork, load_network
from kmn_cli.inference.pipeline import QUEUE_DEPTH


@pytest.fixture
def network(tiny_weights: Path) -> LoadedNetwork:
    return load_network(tiny_weights)


@pytest.mark.parametrize(
    ("formats", "direction", "soft", "back"),
    [
        (("masks", "overlay"), "auto", False, 4),
        (("masks", "cutout"), "auto", True, 4),
        (("masks",), "forward", False, 0),
        (("masks",), "both", True, 4 + 5),  # two answers are weighed by their soft maps
    ],
)
def test_a_plan_knows_the_formats_and_the_way_back(
    movie: Path,
    draw: Callable[..., Path],
    network: LoadedNetwork,
    monkeypatch: pytest.MonkeyPatch,
    formats: tuple[str, ...],
    direction: str,
    soft: bool,
    back: int,
) -> None:
    asked: list[bool] = []

    def fake(*arguments: object, want_soft: bool) -> Cost:
        asked.append(want_soft)
        return Cost(1.0, 1.0, 0, 1000)

    monkeypatch.setattr(plan, "measure", fake)
    job = make_job(movie, {"3": draw("three.png", 1), "8": draw("eight.png", 1)})
    settings = Settings(network.options(), formats=formats, direction=direction)
    [row] = plan.make_plan([job], settings, network, 1).rows
    assert asked == [soft]
    assert row["frames_back"] == back
    assert row["network_seconds"] == 10 + back


def test_soft_maps_that_wait_to_be_written_are_counted(
    network: LoadedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "peak_memory", lambda device: 0)  # varies with what ran before
    frame, labels = np.zeros((600, 800, 3), np.uint8), np.zeros((600, 800), np.uint8)
    for i in range(20):
        labels[200:300, 40 * i : 40 * i + 30] = i + 1
    options = network.options(size=32)
    with_maps, without = (
        measure(network.ready, options, frame, labels, want_soft=soft).peak_bytes
        for soft in (True, False)
    )
    assert with_maps - without >= QUEUE_DEPTH * 21 * labels.size
