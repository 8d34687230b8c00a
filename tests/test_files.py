from __future__ import annotations

from pathlib import Path

import pytest

from kmn_cli.files import (
    atomic_folder,
    atomic_path,
    is_image,
    list_images,
    natural_key,
)


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "result.txt"
    with atomic_path(target) as part:
        part.write_text("half")
        assert not target.exists()
        part.write_text("whole")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "result.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, refuses) -> None:
    (tmp_path / "file").write_text("in the way")
    with refuses("result.txt"), atomic_path(tmp_path / "file" / "result.txt") as part:
        part.write_text("x")


def test_names_sort_as_people_count() -> None:
    names = ["10.png", "2.png", "b1", "a10", "a9", "1.png", "x", "A1", "²"]
    in_order = ["1.png", "2.png", "10.png", "A1", "a9", "a10", "b1", "x", "²"]
    assert sorted(names, key=natural_key) == in_order


def test_what_counts_as_a_picture() -> None:
    assert is_image(Path("a.JPG")) and is_image(Path("b.webp"))
    assert not is_image(Path("a.mp4"))
    assert not is_image(Path("._00000.jpg"))


def test_two_pictures_with_one_stem_are_refused(tmp_path: Path, refuses) -> None:
    for name in ("00000.jpg", "00000.webp"):
        (tmp_path / name).touch()
    with refuses("00000.jpg", "00000.webp"):
        list_images(tmp_path)


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(ZeroDivisionError), atomic_folder(target) as part:
        (part / "half").touch()
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "old"]
    with atomic_folder(target) as part:
        (part / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "new"]
