from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kmn_cli.errors import InputError
from kmn_cli.media.exports.found import find_mask_folders
from kmn_cli.media.masks import write_mask

ONE = np.ones((4, 4), np.uint8)


def test_a_result_folder_tells_its_source(result: Path, clip: Path) -> None:
    for path in (result, result / "masks", result.parent):
        (found,) = find_mask_folders([path])
        assert (found.name, found.source, found.object_ids) == ("clip", clip, (1, 3))
        assert [mask.name for mask in found.masks] == [f"{i:05d}.png" for i in range(10)]


@pytest.mark.parametrize("top", ["", "Annotations", "Annotations/480p"])
def test_layouts_of_other_tools(tmp_path: Path, top: str) -> None:
    for name in ("v2", "v10", "deep/v"):
        write_mask(tmp_path / top / name / "7.png", ONE)
    found = find_mask_folders([tmp_path])
    assert [folder.name for folder in found] == ["deep/v", "v2", "v10"]
    assert found[0].source is None and found[0].object_ids is None


def test_probabilities_are_no_masks(tmp_path: Path) -> None:
    write_mask(tmp_path / "a" / "soft" / "1" / "0.png", ONE)
    (tmp_path / "a" / "result.json").write_text("{}")
    with pytest.raises(InputError, match="no masks here"):
        find_mask_folders([tmp_path])


def test_a_source_that_is_gone_is_not_named(result: Path, tmp_path: Path) -> None:
    text = (result / "result.json").read_text()
    (result / "result.json").write_text(text.replace('"input": "', '"input": "/gone'))
    assert find_mask_folders([result])[0].source is None


def test_two_videos_of_one_name_are_refused(tmp_path: Path) -> None:
    write_mask(tmp_path / "a" / "v" / "0.png", ONE)
    write_mask(tmp_path / "b" / "v" / "0.png", ONE)
    with pytest.raises(InputError, match="both called 'v'"):
        find_mask_folders([tmp_path / "a", tmp_path / "b"])


def test_a_file_is_no_result(result: Path) -> None:
    with pytest.raises(InputError, match="is a file"):
        find_mask_folders([result / "result.json"])
