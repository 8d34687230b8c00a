"""Checks that several tests of media share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from kmn_cli.errors import KmnError


@pytest.fixture
def refuses() -> Callable[..., AbstractContextManager[None]]:
    """A context in which an error for the user must come: its text, exit code and a hint."""

    @contextmanager
    def check(*words: str, exit_code: int = 3) -> Iterator[None]:
        with pytest.raises(KmnError) as caught:
            yield
        error = caught.value
        assert error.exit_code == exit_code
        assert error.hint
        for word in words:
            assert word in str(error)

    return check


@pytest.fixture
def children() -> Callable[[], list[int]]:
    """The ids of this process's children."""
    if not Path("/proc/self/task").exists():
        pytest.skip("needs /proc to see child processes")

    def read() -> list[int]:
        tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]

    return read


@pytest.fixture
def number() -> Callable[[np.ndarray], int]:
    """Tell which frame of a made clip an image is, from where its square stands."""

    def find(image: np.ndarray) -> int:
        bright = image[..., 0].max(axis=0) > 128
        return (int(np.flatnonzero(bright)[0]) - 4) // 4

    return find
