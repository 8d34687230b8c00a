"""Which device each worker gets."""

from __future__ import annotations

import pytest

from kmn_cli.batch.workforce import Workforce
from kmn_cli.errors import UsageError


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_workers_are_spread_over_the_gpus(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert Workforce.of(device, None, 3).devices == (
        "cuda:0",
        "cuda:1",
        "cuda:0",
    )
    assert Workforce.of(device, None, 1).devices == (device,)
    assert Workforce.of(device, None, None).devices == (device,)


def test_what_is_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert Workforce.of("cuda:1", None, 2).devices == (
        "cuda:1",
        "cuda:1",
    )
    assert Workforce.of("cpu", None, 2).devices == (
        "cpu",
        "cpu",
    )
    assert Workforce.of("auto", "cuda:1,cpu", 4).devices == (
        "cuda:1",
        "cpu",
        "cuda:1",
        "cpu",
    )


def test_without_a_gpu_workers_share_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert Workforce.of("auto", None, 2).devices == (
        "auto",
        "auto",
    )


def test_two_ways_of_saying_it() -> None:
    with pytest.raises(UsageError, match="both given"):
        Workforce.of("cpu", "cuda:0", None)
    with pytest.raises(UsageError, match="names none"):
        Workforce.of("auto", " ,", None)
