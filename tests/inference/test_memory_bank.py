"""Which frames are in memory, without a network."""

from __future__ import annotations

import pytest
import torch

from kmn_cli.inference.memory_bank import MemoryBank


def marks(frame: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Key and value of a frame, filled with its number: 2 objects, 3 cells."""
    return torch.full((2, 3, 4), float(frame)), torch.full((2, 3, 5), float(frame))


def bank_at(t: int, every: int = 5, max_frames: int = 0, given: tuple[int, ...] = (0,)):
    bank = MemoryBank(every, max_frames)
    for frame in range(t):
        bank.add(frame, *marks(frame), given=frame in given)
    return bank


def held(bank: MemoryBank) -> list[int]:
    """The frames that a read sees, from the stored numbers."""
    key, value = bank.read()
    assert key.shape[::2] == (2, 4)
    assert value.shape[::2] == (2, 5)
    assert torch.equal(key[..., 0], value[..., 0])
    assert torch.equal(key[0], key[1])
    return sorted(int(n) for n in key[0, ::3, 0])


@pytest.mark.parametrize("t", range(1, 24))
def test_bank_of_the_paper(t):
    """{0, 5, 10, … <= t-1} and {t-1}, each once."""
    expected = sorted({*range(0, t, 5), t - 1})
    bank = bank_at(t)
    assert held(bank) == expected
    assert bank.frames == expected
    assert bank.dropped == 0


def test_limit_drops_the_oldest_but_the_first():
    bank = bank_at(31, max_frames=4)
    assert held(bank) == [0, 25, 30]
    bank.add(31, *marks(31))
    assert held(bank) == [0, 25, 30, 31]
    assert bank.dropped == 4


def test_limit_of_two_is_first_and_previous():
    assert held(bank_at(18, max_frames=2)) == [0, 17]
    assert held(bank_at(16, max_frames=2)) == [0, 15]


def test_given_frames_stay():
    bank = bank_at(60, max_frames=5, given=(0, 7))
    assert {0, 7, 59} <= set(held(bank))
    assert len(held(bank)) == 5


def test_nothing_is_moved_while_there_is_room():
    bank = MemoryBank(5, max_frames=20)
    bank.add(0, *marks(0), given=True)
    where = bank.read()[0].untyped_storage().data_ptr()
    for frame in range(1, 300):
        bank.add(frame, *marks(frame))
        assert bank.read()[0].untyped_storage().data_ptr() == where
    assert len(bank.frames) <= 20


@pytest.mark.parametrize(("every", "most"), [(0, 5), (5, -1), (5, 1)])
def test_impossible_limits(every, most):
    with pytest.raises(ValueError, match="at least"):
        MemoryBank(every, most)


def test_empty_bank_cannot_be_read():
    with pytest.raises(ValueError, match="empty"):
        MemoryBank().read()
