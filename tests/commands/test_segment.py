from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from results import files_in, masks_in, result_of
from typer.testing import Result

from kmn_cli import __version__
from kmn_cli.media.palette import voc_palette
from kmn_cli.media.video import open_video

Kmn = Callable[..., Result]
Draw = Callable[..., Path]


def test_a_video_gives_masks_an_overlay_and_a_result(
    segment: Kmn, movie: Path, draw: Draw, tmp_path: Path, tiny_weights: Path
) -> None:
    result = segment(movie, "--mask", draw("m.png", 1, 5))
    assert result.exit_code == 0, result.output
    out = tmp_path / "out" / "cat"
    masks = masks_in(out / "masks")
    assert list(masks) == [f"{i:05d}" for i in range(10)]
    for path in (out / "masks").iterdir():
        image = Image.open(path)
        assert (image.mode, image.size) == ("P", (64, 48))
        assert bytes(image.getpalette() or []) == voc_palette().tobytes()
    assert set(np.unique(masks["00000"])) == {0, 1, 5}
    assert (masks["00000"] == np.asarray(Image.open(tmp_path / "m.png"))).all()
    with open_video(out / "overlay.mp4") as overlay:
        assert overlay.info.fps == pytest.approx(12.5)
        assert overlay.info.has_audio
        assert sum(1 for _ in overlay) == 10
    assert files_in(out) == {"result.json", "overlay.mp4"} | {f"masks/{m}.png" for m in masks}

    document = result_of(out)
    assert document["version"] == __version__
    assert document["input"] == str(movie)
    assert document["frames"] == 10
    assert document["size"] == [64, 48]
    assert document["source_fps"] == pytest.approx(12.5)
    assert document["object_ids"] == [1, 5]
    assert [entry["id"] for entry in document["objects"]] == [1, 5]
    assert document["weights"]["name"] == "tiny"
    assert len(document["weights"]["sha256"]) == 64
    assert document["settings"]["size"] == 480
    assert document["settings"]["sigma"] == 7
    assert document["device"] == "cpu"
    assert document["seconds"]["model"] > 0
    assert document["seconds"]["io"] > 0
    stages = document["seconds"]["stages"]
    assert {"decode", "query encoder", "read", "decoder", "memory encoder", "write"} <= set(stages)
    inside = sum(stages.values()) - stages["decode"] - stages["write"]
    assert inside == pytest.approx(document["seconds"]["model"], abs=0.01)
    assert document["precision"] in {"fp32", "bf16"}
    assert document["frames_per_second"] > 0
    assert document["peak_memory_bytes"] > 10_000_000
    assert document["dropped_memory_frames"] == 0
    assert not document["warnings"] or "its own mask" in document["warnings"][0]  # untaught


def test_verbose_shows_where_the_time_went(segment: Kmn, movie: Path, draw: Draw) -> None:
    words = (movie, "--mask", draw("m.png", 1), "--precision", "fp32")
    said = segment(*words, "-v").output
    assert "query encoder" in said and "ms a frame" in said
    assert "query encoder" not in segment(*words, "--overwrite").output


def test_a_folder_of_frames_keeps_its_names(
    segment: Kmn, folder: Path, draw: Draw, tmp_path: Path
) -> None:
    masks = draw("masks/00030.png", 4).parent
    assert segment(folder, "--mask", masks, "--format", "masks").exit_code == 0
    found = masks_in(tmp_path / "out" / "frames" / "masks")
    assert list(found) == [f"{i:05d}" for i in range(20, 70, 5)]
    assert found["00020"].any() and found["00025"].any()  # before the first mask: backwards
    assert set(np.unique(found["00030"])) == {0, 4}
    assert not (tmp_path / "out" / "frames" / "overlay.mp4").exists()


def test_masks_of_several_frames_and_objects(
    segment: Kmn, movie: Path, draw: Draw, tmp_path: Path
) -> None:
    cat, dog, late = draw("cat.png", 255), draw("dog.png", 0, 255), draw("late.png", 0, 0, 9)
    arguments = ["--mask", f"2={cat}", "--mask", f"2={dog}", "--mask", f"6={late}"]
    assert segment(movie, *arguments, "--direction", "forward").exit_code == 0
    masks = masks_in(tmp_path / "out" / "cat" / "masks")
    assert not masks["00001"].any()
    assert set(np.unique(masks["00002"])) == {0, 1, 2}
    assert 9 not in masks["00005"]
    assert (masks["00006"] == 9).sum() == 16 * 18
    assert result_of(tmp_path / "out" / "cat")["object_ids"] == [1, 2, 9]


def test_every_format(segment: Kmn, movie: Path, draw: Draw, tmp_path: Path) -> None:
    formats = "masks,overlay,soft,cutout,alpha"
    mask = draw("m.png", 3)
    options = ["--format", formats, "--direction", "forward"]
    assert segment(movie, "--mask", f"1={mask}", *options).exit_code == 0
    out = tmp_path / "out" / "cat"
    names = [f"{i:05d}.png" for i in range(10)]
    expected = {f"masks/{n}" for n in names} | {f"soft/3/{n}" for n in names}
    expected |= {f"cutout/{n}" for n in names} | {"overlay.mp4", "alpha.mov", "result.json"}
    assert files_in(out) == expected
    assert set(result_of(out)["outputs"]) == set(formats.split(","))
    assert not np.asarray(Image.open(out / "soft/3/00000.png")).any()  # before its mask
    soft = np.asarray(Image.open(out / "soft/3/00001.png"))
    assert soft[10:22, 4:18].min() > 200


def test_the_palette_of_the_mask_is_kept(
    segment: Kmn, movie: Path, draw: Draw, tmp_path: Path
) -> None:
    image = Image.open(draw("grey.png", 1, 2)).convert("L")
    palette = bytes([0, 0, 0, 250, 10, 20, 30, 240, 50]) + bytes(759)
    image.putpalette(palette)
    image.save(tmp_path / "own.png")
    assert segment(movie, "--mask", tmp_path / "own.png").exit_code == 0
    for path in (tmp_path / "out" / "cat" / "masks").iterdir():
        assert bytes(Image.open(path).getpalette() or [])[:9] == palette[:9]


def test_a_part_of_the_video(segment: Kmn, movie: Path, draw: Draw, tmp_path: Path) -> None:
    span = ["--start", "0.24", "--end", "7f", "--format", "masks"]
    assert segment(movie, "--mask", draw("m.png", 1), *span).exit_code == 0
    out = tmp_path / "out" / "cat"
    assert list(masks_in(out / "masks")) == ["00003", "00004", "00005", "00006"]
    assert result_of(out)["frames"] == 4


def test_settings_reach_the_network_and_the_result(
    segment: Kmn, movie: Path, draw: Draw, tmp_path: Path
) -> None:
    options = ["--size", "32", "--memory-every", "1", "--max-memory-frames", "3"]
    options += ["--read", "plain", "--precision", "fp32"]
    assert segment(movie, "--mask", draw("m.png", 1), *options).exit_code == 0
    document = result_of(tmp_path / "out" / "cat")
    assert document["settings"]["size"] == 32
    assert document["settings"]["sigma"] is None
    assert document["settings"]["precision"] == "fp32"
    assert document["dropped_memory_frames"] > 0


def test_size_and_kernel_are_those_the_weights_are_best_at(
    kmn: Kmn, movie: Path, draw: Draw, tmp_path: Path, weights_at_32: Path, tiny_weights: Path
) -> None:
    def settings(weights: Path, *options: object) -> tuple[int, float, float | None]:
        common = ["--weights", weights, "--device", "cpu", "--overwrite", "-o", tmp_path / "out"]
        done = kmn("segment", movie, "--mask", draw("m.png", 1), *common, *options)
        assert done.exit_code == 0, done.output
        found = result_of(tmp_path / "out" / "cat")["settings"]
        return found["size"], found["enlarge"], found["sigma"]

    assert settings(weights_at_32) == (32, 2, 2.5)
    assert settings(tiny_weights) == (480, 1, 7)
    assert settings(weights_at_32, "--size", 0, "--sigma", 7) == (0, 1, 7)
    assert settings(weights_at_32, "--size", 480) == (
        480,
        1,
        2.5,
    )  # what is asked for enlarges nothing
    assert settings(weights_at_32, "--read", "plain") == (32, 2, None)


@pytest.mark.skipif(
    find_spec("openvino") is None,
    reason="OpenVINO is not installed: pip install 'kmn[int8]'",
)
def test_int8_says_nothing_but_the_result(
    segment: Kmn, movie: Path, draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = (movie, "--mask", draw("m.png", 1), "--precision", "int8", "--json", "-q")
    result = segment(*command)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["precision"] == "int8"
    assert all(
        line.startswith("warning: object") or line.startswith("  ")
        for line in result.stderr.splitlines()
    )
    assert list((tmp_path / "cache" / "kmn").iterdir())


def test_several_workers_say_once_that_int8_is_not_installed(
    segment: Kmn, movie: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    command = (movie, "--mask", draw("m.png", 1), "--precision", "int8")
    for workers in (1, 2):
        result = segment(*command, "--workers", workers)
        assert result.exit_code == 2
        assert result.stderr.count("kmn[int8]") == 1


def test_json_prints_the_result_alone(segment: Kmn, movie: Path, draw: Draw) -> None:
    result = segment(movie, "--mask", draw("m.png", 1), "--json")
    document = json.loads(result.stdout)
    assert document["frames"] == 10
    assert document == result_of(Path(document.pop("output")))


class TestSeveral:
    """Several inputs, one after the other."""

    @pytest.fixture
    def shelf(self, movie: Path, draw: Draw, tmp_path: Path, ffmpeg: Callable[..., None]) -> Path:
        """Two videos of different size and number of objects, a broken one, and masks."""
        shelf = tmp_path / "shelf"
        shelf.mkdir()
        shutil.copy(movie, shelf / "cat.mp4")
        picture = "testsrc2=size=80x60:rate=5:duration=1"
        ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", shelf / "dog.mp4")
        (shelf / "broken.mp4").write_text("no video")
        draw("masks/cat.png", 1)
        draw("masks/dog/00000.png", 2, 7, size=(80, 60))
        draw("masks/broken.png", 1)
        return shelf

    def test_one_bad_video_does_not_stop_the_others(
        self, segment: Kmn, shelf: Path, tmp_path: Path
    ) -> None:
        result = segment(shelf, "--mask", tmp_path / "masks", "--json")
        assert result.exit_code == 6
        document = json.loads(result.stdout)
        assert [r["object_ids"] for r in document["results"]] == [[1], [2, 7]]
        assert [f["input"] for f in document["failed"]] == [str(shelf / "broken.mp4")]
        assert document["failed"][0]["exit_code"] == 3
        assert document["error"]["exit_code"] == 6
        assert "1 of 3" in result.stderr
        summary = {"summary.json", "failed.txt"}
        assert {p.name for p in (tmp_path / "out").iterdir()} == {"cat", "dog"} | summary

    def test_two_videos_share_no_state(self, segment: Kmn, shelf: Path, tmp_path: Path) -> None:
        masks, out = ["--mask", tmp_path / "masks", "--format", "masks"], tmp_path / "out"

        def run(*names: str) -> dict[str, bytes]:
            shutil.rmtree(out, ignore_errors=True)
            assert segment(*(shelf / name for name in names), *masks).exit_code == 0
            return {
                str(path.relative_to(out)): path.read_bytes() for path in out.rglob("masks/*.png")
            }

        alone = run("cat.mp4") | run("dog.mp4")
        assert len(alone) == 15
        assert run("cat.mp4", "dog.mp4") == alone
        assert run("dog.mp4", "cat.mp4") == alone

    def test_a_list_on_stdin(self, segment: Kmn, shelf: Path, tmp_path: Path) -> None:
        listed = f"{shelf / 'cat.mp4'}\n{shelf / 'dog.mp4'}\n"
        result = segment("--from-file", "-", "--mask", tmp_path / "masks", stdin=listed)
        assert result.exit_code == 0, result.output
        assert "cat" in result.stdout and "dog" in result.stdout

    def test_one_mask_file_is_not_enough(self, segment: Kmn, shelf: Path, draw: Draw) -> None:
        result = segment(shelf, "--mask", draw("m.png", 1))
        assert result.exit_code == 2
        assert "folder" in result.stderr
