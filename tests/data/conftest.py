"""Small data sets of drawn objects."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn_data import write_stills, write_videos


@pytest.fixture
def stills(tmp_path) -> Path:
    return write_stills(tmp_path / "stills", 4)


@pytest.fixture
def videos(tmp_path) -> Path:
    return write_videos(tmp_path / "videos", 2, 8)
