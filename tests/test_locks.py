"""One holder at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kmn_cli.locks import FileLock


def test_a_lock_is_held_by_one_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / ".lock"
    first, second = FileLock(path, pytest.fail), FileLock(path, pytest.fail)
    assert first.take()
    assert not second.take()
    assert second.holder().startswith(f"process {os.getpid()} on ")
    first.let_go()
    assert not path.exists()
    assert second.take()
    second.let_go()
