"""What `kmn segment` refuses, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from results import masks_in, result_of
from typer.testing import Result

Kmn = Callable[..., Result]
Draw = Callable[..., Path]


class TestBadInput:
    """Exit code 3, the file named, and what to do about it."""

    def refused(self, result: Result, *texts: object) -> None:
        assert result.exit_code == 3, result.output
        assert isinstance(result.exception, SystemExit)
        first, *hint = result.stderr.splitlines()[-2:]
        assert first.startswith("error: ")
        assert hint and hint[0].startswith("  ")
        for text in texts:
            assert str(text) in result.stderr
        assert "Traceback" not in result.output

    @pytest.mark.parametrize(("size", "fix"), [((32, 24), "nearest"), ((48, 64), "turned")])
    def test_mask_of_another_size(
        self, segment: Kmn, movie: Path, draw: Draw, size: tuple[int, int], fix: str
    ) -> None:
        mask = draw("m.png", 1, size=size)
        texts = (mask, f"{size[0]}x{size[1]}", "64x48", fix)
        self.refused(segment(movie, "--mask", mask), *texts)

    def test_mask_of_another_aspect(self, segment: Kmn, movie: Path, draw: Draw) -> None:
        self.refused(segment(movie, "--mask", draw("m.png", 1, size=(64, 40))), "64x40", "shape")

    def test_empty_mask(self, segment: Kmn, movie: Path, draw: Draw) -> None:
        self.refused(segment(movie, "--mask", draw("m.png")), "m.png", "no object")

    def test_photograph_given_as_a_mask(
        self, segment: Kmn, movie: Path, folder: Path, tmp_path: Path
    ) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "photo.png")
        self.refused(segment(movie, "--mask", tmp_path / "photo.png"), "photo.png", "mask")

    def test_mask_beyond_the_end(self, segment: Kmn, movie: Path, draw: Draw) -> None:
        result = segment(movie, "--mask", f"10={draw('m.png', 1)}")
        self.refused(result, "m.png", "frame 10", "10 frames", "from 0")

    def test_missing_files(self, segment: Kmn, movie: Path, draw: Draw) -> None:
        self.refused(segment("nowhere.mp4", "--mask", draw("m.png", 1)), "nowhere.mp4")
        self.refused(segment(movie, "--mask", "nowhere.png"), "nowhere.png")

    def test_text_file_named_mp4(self, segment: Kmn, draw: Draw, tmp_path: Path) -> None:
        path = tmp_path / "text.mp4"
        path.write_text("This is no video.\n" * 50)
        self.refused(segment(path, "--mask", draw("m.png", 1)), path)

    def test_unreadable_video(self, segment: Kmn, movie: Path, draw: Draw, tmp_path: Path) -> None:
        path = tmp_path / "half.mp4"  # its index, at the end, is cut off
        path.write_bytes(movie.read_bytes()[:2000])
        self.refused(segment(path, "--mask", draw("m.png", 1)), path)

    def test_no_video_stream(
        self, segment: Kmn, draw: Draw, tmp_path: Path, ffmpeg: Callable[..., None]
    ) -> None:
        path = tmp_path / "sound.mp4"
        ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", path)
        self.refused(segment(path, "--mask", draw("m.png", 1)), path, "no video")

    def test_folder_without_pictures(self, segment: Kmn, draw: Draw, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        self.refused(segment(tmp_path / "empty", "--mask", draw("m.png", 1)), "empty")

    def test_output_that_cannot_be_written(
        self, segment: Kmn, movie: Path, draw: Draw, tmp_path: Path
    ) -> None:
        (tmp_path / "out").write_text("a file where the folder should be")
        self.refused(segment(movie, "--mask", draw("m.png", 1)), tmp_path / "out")


def test_a_file_cut_off_in_the_middle_gives_the_frames_it_has(
    segment: Kmn, draw: Draw, tmp_path: Path, ffmpeg: Callable[..., None]
) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    noise = "nullsrc=size=64x48:rate=10:duration=4,geq=random(1)*255:128:128"
    faststart = ["-pix_fmt", "yuv420p", "-g", "1", "-movflags", "+faststart"]
    ffmpeg("-f", "lavfi", "-i", noise, *faststart, whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    result = segment(cut, "--mask", draw("m.png", 1))
    assert result.exit_code == 0, result.output
    assert "warning:" in result.stderr
    document = result_of(tmp_path / "out" / "cut")
    assert 0 < document["frames"] < 40
    assert document["warnings"]
    assert len(masks_in(tmp_path / "out" / "cut" / "masks")) == document["frames"]
    assert (tmp_path / "out" / "cut" / "overlay.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--format", "masks,gif"], 2, "gif"),
        (["--sigma", "0"], 2, "sigma"),
        (["--size", "3"], 2, "size"),
        (["--start", "soon"], 2, "soon"),
        (["--weights", "nothing"], 4, "nothing"),
        (["--device", "cuda:77"], 5, "cuda:77"),
        (["--start", "1000f"], 3, "10 frames"),
    ],
)
def test_other_mistakes(
    kmn: Kmn,
    movie: Path,
    draw: Draw,
    tmp_path: Path,
    tiny_weights: Path,
    arguments: list[str],
    code: int,
    text: str,
) -> None:
    common = ["--weights", tiny_weights, "--mask", draw("m.png", 1), "-o", tmp_path / "out"]
    result = kmn("segment", movie, *common, *arguments)
    assert result.exit_code == code, result.output
    assert text in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_mask_is_asked_for(segment: Kmn, movie: Path) -> None:
    result = segment(movie)
    assert result.exit_code == 2
    assert "--mask" in result.stderr
