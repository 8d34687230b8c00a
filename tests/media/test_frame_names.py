from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from kmn_cli.media.frame_names import FrameNames

Refuses = Callable[..., AbstractContextManager[None]]
FROM_1 = [f"{n:04d}" for n in range(1, 17)]
FROM_1001 = [f"shot.{n}" for n in range(1001, 1017)]
GAPS = ["f1", "f2", "f9", "f10", "f11", "f100"]
BY_FIVE = [f"{n:05d}" for n in range(10, 40, 5)]
CITY = [f"aachen_000000_{n:06d}_leftImg8bit" for n in range(19, 24)]
CVAT_STILLS = [f"frame_{n:06d}" for n in range(5, 9)]
NAMES = ["cat", "dog", "eel"]


def names_of(tmp_path: Path, stems: list[str]) -> FrameNames:
    folder = tmp_path / "shot"
    folder.mkdir()
    for stem in stems:
        (folder / f"{stem}.jpg").touch()
    return FrameNames(folder)


@pytest.mark.parametrize(
    ("stems", "name", "index"),
    [
        (FROM_1, "1", 0),
        (FROM_1, "0001", 0),
        (FROM_1, "16", 15),
        (FROM_1, "0", 0),  # the first: no file has this number
        (FROM_1001, "1001", 0),
        (FROM_1001, "shot.1003", 2),
        (GAPS, "9", 2),
        (GAPS, "f100", 5),
        (BY_FIVE, "25", 3),
        (BY_FIVE, "0", 0),
        (CITY, "19", 0),
        (NAMES, "dog", 1),
        (NAMES, "2", 2),  # without numbers they are counted
    ],
)
def test_a_files_own_number_or_name(
    tmp_path: Path, stems: list[str], name: str, index: int
) -> None:
    assert names_of(tmp_path, stems).find(name) == index


@pytest.mark.parametrize(
    ("stems", "name"), [(FROM_1, "17"), (GAPS, "5"), (BY_FIVE, "3"), (FROM_1001, "1"), (NAMES, "x")]
)
def test_a_neighbour_never_stands_in(
    tmp_path: Path, refuses: Refuses, stems: list[str], name: str
) -> None:
    with refuses(name):
        names_of(tmp_path, stems).find(name)


@pytest.mark.parametrize(
    ("stems", "mask", "index"),
    [
        (FROM_1, "0001", 0),
        (FROM_1, "0002_mask", 1),
        (FROM_1, "mask_3", 2),
        (FROM_1, "frame_000000", 0),  # CVAT counts frames of a video from 0
        (CVAT_STILLS, "frame_000005", 0),  # and keeps the names of pictures
        (FROM_1001, "1002", 1),
        (GAPS, "9", 2),
        (CITY, "aachen_000000_000020_gtFine_labelIds", 1),
        (NAMES, "dog-mask", 1),
    ],
)
def test_masks_named_by_number_or_stem(
    tmp_path: Path, stems: list[str], mask: str, index: int
) -> None:
    names = names_of(tmp_path, stems)
    assert names.names_a_frame(mask)
    assert names.find_by_mask(mask) == index


def test_a_mask_of_no_frame_is_refused(tmp_path: Path, refuses: Refuses) -> None:
    with refuses("no frame numbered 0", "0001"):
        names_of(tmp_path, FROM_1).find_by_mask("0000")


def test_frames_of_a_video_file_are_counted_from_0(tmp_path: Path) -> None:
    names = FrameNames(tmp_path / "take_7.mp4")
    assert names.find("1") == names.find("0001") == 1
    for mask in ("frame_000008", "00008", "take_7_00008", "mask-8", "8"):
        assert names.names_a_frame(mask) and names.find_by_mask(mask) == 8


@pytest.mark.parametrize("mask", ["take_8", "cat", "labelmap", "dog2"])
def test_what_is_called_after_something_else(tmp_path: Path, mask: str) -> None:
    assert not FrameNames(tmp_path / "take_7.mp4").names_a_frame(mask)
