from __future__ import annotations

import io
from pathlib import Path

import pytest

from kmn_cli.batch.inputs import Video, find_inputs, output_name
from kmn_cli.errors import InputError, UsageError


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ["a2.mp4", "a10.mp4", "notes.txt", "frames/1.jpg", "many/x/1.png", "many/b.mov"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(videos: list[Video]) -> list[str]:
    return [video.path.as_posix() for video in videos]


def test_files_folders_and_globs(tree: Path) -> None:
    assert names(find_inputs(["a2.mp4"])) == ["a2.mp4"]
    assert names(find_inputs(["frames"])) == ["frames"]
    assert names(find_inputs(["many"])) == ["many/b.mov", "many/x"]
    assert names(find_inputs(["*.mp4"])) == ["a2.mp4", "a10.mp4"]
    assert names(find_inputs([str(tree / "a*.mp4")])) == [f"{tree}/a2.mp4", f"{tree}/a10.mp4"]
    assert names(find_inputs(["a10.mp4", "a*.mp4"])) == ["a10.mp4", "a2.mp4"]


def test_a_name_with_glob_characters_is_a_name_first(tree: Path) -> None:
    (tree / "take[1].mp4").touch()
    assert names(find_inputs(["take[1].mp4"])) == ["take[1].mp4"]


def test_lists(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "list.txt").write_text("a2.mp4\n\nframes\n")
    assert names(find_inputs(["many/b.mov"], "list.txt")) == ["many/b.mov", "a2.mp4", "frames"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a10.mp4\n")))
    assert names(find_inputs([], "-")) == ["a10.mp4"]


@pytest.mark.parametrize("argument", ["nothing.mp4", "empty", "*.avi"])
def test_what_is_not_there_is_named(tree: Path, argument: str) -> None:
    with pytest.raises(InputError) as error:
        find_inputs([argument])
    assert argument in error.value.message
    assert error.value.hint


def test_no_input(tree: Path) -> None:
    with pytest.raises(UsageError):
        find_inputs([])


def test_two_inputs_of_one_name_are_refused(tree: Path) -> None:
    (tree / "many" / "a2.mkv").touch()
    with pytest.raises(InputError, match=r"a2\.mp4 and many/a2\.mkv"):
        find_inputs(["a2.mp4", "many/a2.mkv"])


def test_output_names(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "v1.2").mkdir()
    assert output_name(Path("many/b.mov")) == "b"
    assert output_name(Path("v1.2")) == "v1.2"
    monkeypatch.chdir(tree / "frames")
    assert output_name(Path()) == "frames"
    assert output_name(Path("../many/..")) == tree.name
