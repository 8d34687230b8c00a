from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from kmn_cli.batch.inputs import Inputs, find_inputs, output_name
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


def names(found: Inputs) -> list[str]:
    return [video.path.as_posix() for video in found.videos]


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


def still(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)
    return path


def moving(path: Path, **options: object) -> Path:
    first, *rest = [Image.new("RGB", (8, 8), (40 * i, 0, 0)) for i in range(3)]
    first.save(path, save_all=True, append_images=rest, **options)
    return path


def test_all_of_a_folder_is_taken_or_named(tmp_path: Path, movie: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    done = ["a.vob", "b.M2V", "c.3g2", "d.hevc", "e.y4m", "f.rm", "summary.json.mp4", "masks.mp4"]
    for name in done:
        (shelf / name).touch()
    shutil.copy(movie, shelf / "no-suffix")
    shutil.copy(movie, shelf / "strange.suffix")
    moving(shelf / "moves.webp")
    moving(shelf / "moves2.png")
    moving(shelf / "stack.tif")
    done += ["no-suffix", "strange.suffix", "moves.webp", "moves2.png", "stack.tif"]
    left = {"talk.wav": "sound", "notes.txt": "a text", "a.srt": "sidecar", "a.json": "sidecar"}
    left |= {"junk.suffix": "none can be found"}
    for name in left:
        (shelf / name).write_text("no video")
    still(shelf / "poster.png")
    left["poster.png"] = "a picture"
    for hidden in (".DS_Store", "Thumbs.db"):
        (shelf / hidden).touch()
    found = find_inputs([str(shelf)])
    assert sorted(video.path.name for video in found.videos) == sorted(done)
    assert {file.path.name for file in found.left_out} == left.keys()
    for file in found.left_out:
        assert left[file.path.name] in file.reason
    by_glob = find_inputs([f"{shelf}/*"])
    assert {file.path.name for file in by_glob.left_out} >= left.keys()
    assert len(by_glob.videos) == len(done)


def test_names_of_results_and_of_the_runs_own_files_are_apart() -> None:
    own = ("summary.json", "failed.txt", "Summary-1-of-2.json")
    for name in own:
        assert output_name(Path(f"{name}.mp4")) not in own
    assert output_name(Path("masks.mp4")) == "masks"


def test_pictures_of_one_folder_are_one_video(tmp_path: Path) -> None:
    for i in range(1, 12):
        still(tmp_path / "shot" / f"{i}.png")
    still(tmp_path / "shot" / "1_mask.png")
    folder = tmp_path / "shot"
    by_shell = [str(path) for path in sorted(folder.iterdir())]
    for arguments in (by_shell, [f"{folder}/%d.png"], [f"{folder}/%05d.png"], [f"{folder}/*.png"]):
        assert [video.path for video in find_inputs(arguments).videos] == [folder]
    assert [v.path for v in find_inputs([by_shell[0]]).videos] == [Path(by_shell[0])]


def test_some_pictures_of_a_folder_are_refused(tmp_path: Path) -> None:
    for i in range(12):
        still(tmp_path / "shot" / f"{i:02d}.png")
    with pytest.raises(InputError, match="10 of the 12 pictures") as error:
        find_inputs([f"{tmp_path}/shot/0*.png"])
    assert "--start" in error.value.hint


def test_a_picture_of_a_videos_name_is_its_mask(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / f"{name}.mp4").touch()
        still(tmp_path / f"{name}.png")
    found = find_inputs([str(tmp_path)], apart=[tmp_path])
    assert [video.name for video in found.videos] == ["cat", "dog"]


def test_frames_and_videos_in_one_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").touch()
    for i in range(9):
        still(tmp_path / f"{i:02d}.png")
    with pytest.raises(InputError, match="pictures as well as videos"):
        find_inputs([str(tmp_path)])
