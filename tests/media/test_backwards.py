from __future__ import annotations

from pathlib import Path

import pytest

from kmn_cli.media.backwards import Backwards
from kmn_cli.media.video import open_video

FRAME = 64 * 48 * 3


@pytest.mark.parametrize("chapter", [1, 3 * FRAME, 2**30])
@pytest.mark.parametrize("memory", [1, 2 * FRAME, 2**28])
@pytest.mark.parametrize(("first", "stop"), [(0, 10), (3, 8), (4, 4)])
def test_the_frames_in_reverse(
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chapter: int,
    memory: int,
    first: int,
    stop: int,
) -> None:
    monkeypatch.setattr("kmn_cli.media.backwards.IN_MEMORY", memory)
    with open_video(clip) as reader:
        info, forwards = reader.info, list(reader)[first:stop]
    backwards = list(Backwards(info, first, stop, tmp_path, chapter))
    assert [frame.index for frame in backwards] == list(reversed(range(first, stop)))
    for one, other in zip(forwards, reversed(backwards), strict=True):
        assert one.name == other.name and (one.image == other.image).all()
    assert not list(tmp_path.iterdir())  # nothing is left


def test_a_folder_keeps_its_names(folder: Path, tmp_path: Path) -> None:
    with open_video(folder) as reader:
        names = [frame.name for frame in reader]
        info = reader.info
    found = [frame.name for frame in Backwards(info, 0, len(names), tmp_path, 2 * FRAME)]
    assert found == names[::-1]
