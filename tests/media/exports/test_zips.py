from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from two_objects import two_objects

from kmn_cli.errors import InputError
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.exports.submission import write_davis_zip, write_youtube_vos_zip
from kmn_cli.media.masks import write_mask

Load = Callable[..., Clip]


def test_davis_has_its_videos_at_the_root(result: Path, load: Load, tmp_path: Path) -> None:
    write_mask(tmp_path / "other" / "00000.png", two_objects(0))
    write_davis_zip([load(result), load(tmp_path / "other")], tmp_path / "d.zip")
    with zipfile.ZipFile(tmp_path / "d.zip") as archive:
        names = [f"clip/{i:05d}.png" for i in range(10)]
        assert archive.namelist() == [*names, "other/00000.png"]
        with archive.open("clip/00004.png") as file:
            image = Image.open(file)
            assert image.mode == "P"
            np.testing.assert_array_equal(np.asarray(image), two_objects(4))


def test_youtube_vos_has_a_top_folder_and_keeps_numbers(load: Load, tmp_path: Path) -> None:
    for number in (20, 25, 30):
        write_mask(tmp_path / "v" / f"{number:05d}.png", two_objects(0))
    write_youtube_vos_zip([load(tmp_path / "v")], tmp_path / "y.zip")
    with zipfile.ZipFile(tmp_path / "y.zip") as archive:
        assert archive.namelist() == [f"Annotations/v/{n:05d}.png" for n in (20, 25, 30)]


def test_gaps_are_found(result: Path, load: Load, tmp_path: Path) -> None:
    (result / "masks" / "00003.png").unlink()
    (result / "masks" / "00009.png").unlink()  # the last: only the source and result.json tell
    with pytest.raises(InputError, match=r"clip: 2 of 10 masks are missing: 00003, 00009\."):
        write_davis_zip([load(result)], tmp_path / "d.zip")
    for number in (0, 5, 15):
        write_mask(tmp_path / "v" / f"{number:05d}.png", two_objects(0))
    with pytest.raises(InputError, match="1 of 4 masks are missing: 00010"):
        write_youtube_vos_zip([load(tmp_path / "v")], tmp_path / "y.zip")
    write_mask(tmp_path / "named" / "a.png", two_objects(0))
    with pytest.raises(InputError, match=r"a\.png is not named by the number"):
        write_davis_zip([load(tmp_path / "named")], tmp_path / "d.zip")
    assert not list(tmp_path.glob("*.zip"))
