"""Which device each worker gets."""

from __future__ import annotations

import pytest

from kmn_cli.batch.runner import places
from kmn_cli.errors import UsageError


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_workers_are_spread_over_the_gpus(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert places(device, None, 3) == ["cuda:0", "cuda:1", "cuda:0"]
    assert places(device, None, 1) == [device]
    assert places(device, None, None) == [device]


def test_what_is_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert places("cuda:1", None, 2) == ["cuda:1", "cuda:1"]
    assert places("cpu", None, 2) == ["cpu", "cpu"]
    assert places("auto", "cuda:1,cpu", 4) == ["cuda:1", "cpu", "cuda:1", "cpu"]


def test_without_a_gpu_workers_share_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert places("auto", None, 2) == ["auto", "auto"]


def test_two_ways_of_saying_it() -> None:
    with pytest.raises(UsageError, match="both given"):
        places("cpu", "cuda:0", None)
    with pytest.raises(UsageError, match="names none"):
        places("auto", " ,", None)
