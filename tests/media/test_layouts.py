from __future__ import annotations

import json
from pathlib import Path

import pytest

from kmn_cli.errors import InputError
from kmn_cli.media.layouts import (
    annotated_videos,
    davis_videos,
    folder_videos,
    holds_videos,
    select_videos,
    youtube_vos_videos,
)
from kmn_cli.media.mask_folders import find_results


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def davis(root: Path, *names: str) -> None:
    for name in names:
        for t in range(3):
            touch(root / "JPEGImages" / "480p" / name / f"{t:05d}.jpg")
            touch(root / "Annotations" / "480p" / name / f"{t:05d}.png")


def split(root: Path, where: str, text: str) -> None:
    path = root / "ImageSets" / where
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_a_split_of_names_keeps_its_order(tmp_path: Path) -> None:
    davis(tmp_path, "a", "b", "c")
    split(tmp_path, "2017/val.txt", "c\na\n\n")
    videos = davis_videos(tmp_path, 2017, "val")
    assert [video.name for video in videos] == ["c", "a"]
    assert videos[0].required == ("00000", "00001", "00002")


def test_a_split_of_pairs(tmp_path: Path) -> None:
    davis(tmp_path, "a", "b")
    lines = [
        f"/JPEGImages/480p/{name}/{t:05d}.jpg /Annotations/480p/{name}/{t:05d}.png "
        for name in "ba"
        for t in range(3)
    ]
    split(tmp_path, "480p/val.txt", "\r\n".join(lines))
    assert [video.name for video in davis_videos(tmp_path, 2016, "val")] == ["b", "a"]


def test_without_split_files_all_is_taken(tmp_path: Path) -> None:
    davis(tmp_path, "v10", "v2")
    assert [video.name for video in davis_videos(tmp_path, 2016, "val")] == ["v2", "v10"]


def test_an_empty_or_unknown_split_is_an_error(tmp_path: Path) -> None:
    davis(tmp_path, "a")
    split(tmp_path, "2017/val.txt", "\n\n")
    with pytest.raises(InputError, match=r"val\.txt: the split is empty"):
        davis_videos(tmp_path, 2017, "val")
    with pytest.raises(InputError) as caught:
        davis_videos(tmp_path, 2017, "test-dev")
    assert "val" in caught.value.hint


def test_a_split_that_names_what_is_not_there(tmp_path: Path) -> None:
    davis(tmp_path, "a")
    split(tmp_path, "2017/val.txt", "a\nghost\n")
    with pytest.raises(InputError, match="ghost: no masks"):
        davis_videos(tmp_path, 2017, "val")


def test_youtube_vos_prefers_all_frames_and_requires_the_listed(tmp_path: Path) -> None:
    objects = {
        "1": {"category": "dog", "frames": ["00005", "00010"]},
        "2": {"category": "cat", "frames": ["00010", "00100"]},
    }
    home = tmp_path / "valid"
    touch(home / "Annotations" / "v" / "00005.png")
    (home / "meta.json").write_text(json.dumps({"videos": {"v": {"objects": objects}}}))
    for t in (5, 10, 100):
        touch(home / "JPEGImages" / "v" / f"{t:05d}.jpg")
    (video,) = youtube_vos_videos(tmp_path, "val")
    assert len(video.frames) == 3
    assert video.required == ("00005", "00010", "00100")
    assert video.objects[2].category == "cat"
    for t in range(5, 101):
        touch(tmp_path / "valid_all_frames" / "JPEGImages" / "v" / f"{t:05d}.jpg")
    (video,) = youtube_vos_videos(tmp_path, "valid")
    assert len(video.frames) == 96


@pytest.mark.parametrize("text", ["", "{}", '{"videos": {}}', '{"videos": {"v": 3}}'])
def test_a_meta_json_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(InputError, match=r"meta\.json"):
        youtube_vos_videos(tmp_path, "val")


@pytest.mark.parametrize("where", ["Annotations/v", "Annotations/480p/v", "v"])
def test_folders_of_videos(tmp_path: Path, where: str) -> None:
    for name in ("10.png", "9.png"):
        touch(tmp_path / where / name)
    (video,) = folder_videos(tmp_path, "val")
    assert video.name == "v"
    assert video.required == ("9", "10")


def test_a_folder_that_is_one_video(tmp_path: Path) -> None:
    touch(tmp_path / "clip" / "0.png")
    (video,) = folder_videos(tmp_path / "clip", "val")
    assert video.name == "clip"
    (tmp_path / "clip" / "nothing").mkdir()
    with pytest.raises(InputError, match="no masks here"):
        folder_videos(tmp_path / "clip" / "nothing", "val")


def test_a_split_that_is_no_folder_is_named_beside_those_that_are(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        for part in ("JPEGImages", "Annotations"):
            touch(tmp_path / split / part / "a" / "00000.png")
    readers = (youtube_vos_videos, folder_videos, annotated_videos, holds_videos)
    for read in readers:
        with pytest.raises(InputError, match="no such split: nosuch") as caught:
            read(tmp_path, "nosuch")
        assert "train, valid" in caught.value.hint
    assert holds_videos(tmp_path, "val") and holds_videos(tmp_path)
    assert not holds_videos(tmp_path / "nowhere", "nosuch")


def test_unknown_sequences_are_named(tmp_path: Path) -> None:
    davis(tmp_path, "a", "b")
    videos = davis_videos(tmp_path, 2017, "val")
    assert [video.name for video in select_videos(videos, ["b"])] == ["b"]
    with pytest.raises(InputError, match="no such sequences: x, y"):
        select_videos(videos, ["y", "b", "x"])


@pytest.mark.parametrize("where", ["a", "a/masks", "Annotations/a"])
def test_results_are_found_where_people_keep_them(tmp_path: Path, where: str) -> None:
    touch(tmp_path / where / "0.png")
    assert find_results(tmp_path, "a") == tmp_path / where
