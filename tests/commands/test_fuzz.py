"""Hostile input: never a traceback, a hang, or a file outside of the output folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from mutations import changes, damage, for_each
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from typer.testing import Result

from kmn_cli.errors import KmnError
from kmn_cli.media.labelme import read_labelme
from kmn_cli.media.layouts import read_meta
from kmn_cli.model.checkpoint import load_checkpoint

Kmn = Callable[..., Result]
SECONDS, HANG = 10, 600  # of work; of waiting, on a machine that may be busy with other things
CODES = {0, 2, 3, 4, 5, 6}  # 1 would be a bug


class TookTooLongError(BaseException):
    """Not an Exception, so that nothing on the way can take it for a bad file."""


@pytest.fixture(autouse=True)
def ten_seconds() -> Iterator[None]:
    """An alarm that `in_time` sets."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TookTooLongError

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def in_time(work: Callable[[], Any]) -> Any:
    signal.alarm(HANG)
    start = sum(os.times()[:4])  # ours and our children's
    try:
        return work()
    finally:
        signal.alarm(0)
        assert sum(os.times()[:4]) - start < SECONDS


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with two frames and their mask, from which `kmn` may write to out/ only."""
    frames = tmp_path / "frames"
    frames.mkdir()
    for n in range(2):
        picture = np.full((32, 48, 3), 40 * n, np.uint8)
        picture[8:24, 8 + n : 24 + n] = 200
        Image.fromarray(picture).save(frames / f"{n}.png")
    labels = np.zeros((32, 48), np.uint8)
    labels[8:24, 8:24] = 1
    Image.fromarray(labels).save(tmp_path / "mask.png")
    return tmp_path


@pytest.fixture
def survives(kmn: Kmn, place: Path, tiny_weights: Path) -> Callable[..., Result]:
    """Runs `kmn segment` into out/ and checks that it ends as a command should."""

    def run(*arguments: object, weights: Path = tiny_weights, **options: Any) -> Result:
        shutil.rmtree(place / "out", ignore_errors=True)
        before = tree(place)
        words = [*arguments, "--weights", weights, "-o", place / "out", "--format", "masks"]
        result: Result = in_time(lambda: kmn("segment", "--device=cpu", *words, **options))
        assert result.exit_code in CODES, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        assert result.exit_code == 0 or "error: " in result.stderr
        assert {p: t for p, t in tree(place).items() if place / "out" not in p.parents} == {
            **before,
            **({place / "out": None} if (place / "out").exists() else {}),
        }
        return result

    return run


def tree(folder: Path) -> dict[Path, int | None]:
    """Everything below a folder, with the times of its files."""
    return {p: None if p.is_dir() else p.stat().st_mtime_ns for p in folder.rglob("*")}


many = pytest.mark.parametrize(
    "examples", [pytest.param(1, id="few"), pytest.param(20, id="many", marks=pytest.mark.slow)]
)


@many
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".gif", ".webm"])
def test_videos(
    survives: Kmn, place: Path, ffmpeg: Callable[..., None], suffix: str, examples: int
) -> None:
    video = place / f"v{suffix}"
    codec = ["-c:v", "mpeg4"] if suffix == ".avi" else []
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=48x32:rate=5:duration=0.6", *codec, video)
    data = video.read_bytes()

    def check(some_changes: list[tuple[Any, ...]]) -> None:
        video.write_bytes(damage(data, some_changes))
        survives(video, "--mask", place / "mask.png")

    for_each(4 * examples, changes, check)


def masks() -> dict[str, Image.Image]:
    grey = np.zeros((32, 48), np.uint8)
    grey[8:24, 8:24] = 3
    indexed = Image.fromarray(grey, "P")
    indexed.putpalette(bytes(range(256)) * 3)
    colours = np.stack([grey * 80, grey * 0, grey * 20], -1)
    return {
        "L.png": Image.fromarray(grey),
        "P.png": indexed,
        "1.png": Image.fromarray(grey * 85).convert("1"),
        "RGBA.png": Image.fromarray(colours).convert("RGBA"),
        "I16.png": Image.fromarray(grey.astype(np.uint16)),
        "RGB.webp": Image.fromarray(colours),
        "L.tif": Image.fromarray(grey),
        "P.bmp": indexed,
    }


@many
@pytest.mark.parametrize("kind", list(masks()))
def test_masks(survives: Kmn, place: Path, kind: str, examples: int) -> None:
    path = place / kind
    masks()[kind].save(path)
    data = path.read_bytes()

    def check(some_changes: list[tuple[Any, ...]]) -> None:
        path.write_bytes(damage(data, some_changes))
        survives(place / "frames", "--mask", path)

    for_each(3 * examples, changes, check)


@many
def test_frames(survives: Kmn, place: Path, examples: int) -> None:
    path = place / "frames" / "1.png"
    data = path.read_bytes()

    def check(some_changes: list[tuple[Any, ...]]) -> None:
        path.write_bytes(damage(data, some_changes))
        survives(place / "frames", "--mask", place / "mask.png")

    for_each(8 * examples, changes, check)


@many
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_checkpoints(
    survives: Kmn, place: Path, tiny_weights: Path, suffix: str, examples: int
) -> None:
    path = place / f"weights{suffix}"
    data = tiny_weights.read_bytes()
    if suffix == ".pth":
        torch.save({"state_dict": load_checkpoint(tiny_weights).model.state_dict()}, path)
        data = path.read_bytes()
        # Whole, it is a network of another size, and refused.
        assert survives(place / "frames", "--mask", place / "mask.png", weights=path).exit_code == 4

    def check(some_changes: list[tuple[Any, ...]]) -> None:
        path.write_bytes(damage(data, some_changes))
        survives(place / "frames", "--mask", place / "mask.png", weights=path)

    for_each(10 * examples, changes, check)


@pytest.mark.parametrize("claim", [{"width": 4096}, {"blocks": [4096, 4096, 4096]}])
def test_a_checkpoint_that_claims_to_be_a_giant(
    survives: Kmn, place: Path, tiny_weights: Path, claim: dict[str, Any]
) -> None:
    with safe_open(tiny_weights, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        config = json.loads(file.metadata()["kmn_config"])
    path = place / "giant.safetensors"
    save_file(tensors, path, {"kmn_config": json.dumps(config | claim)})
    result = survives(place / "frames", "--mask", place / "mask.png", weights=path)
    assert result.exit_code == 4


def test_a_checkpoint_runs_no_code(survives: Kmn, place: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (place / "owned",)

    torch.save({"state_dict": Trap()}, place / "trap.pth")
    result = survives(place / "frames", "--mask", place / "mask.png", weights=place / "trap.pth")
    assert result.exit_code == 4
    assert not (place / "owned").exists()


@many
@pytest.mark.parametrize("name", ["result.json", ".state-00000002.safetensors"])
def test_what_an_earlier_run_left(
    kmn: Kmn,
    place: Path,
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    examples: int,
) -> None:
    arguments = [place / "frames", "--mask", place / "mask.png", "--format", "masks"]
    options = ["--save-every", "0.000001", "--device=cpu", "--weights", tiny_weights]
    command = ["segment", *arguments, *options, "-o", place / "out"]
    monkeypatch.setattr("kmn_cli.inference.saved_state.SavedState.remove", lambda self: None)
    monkeypatch.setattr("kmn_cli.inference.saved_state.MAX_SHARE", 1e9)
    assert kmn(*command).exit_code == 0
    path = place / "out/frames" / name
    data = path.read_bytes()
    inside = place / "out/frames"

    def check(some_changes: list[tuple[Any, ...]]) -> None:
        if name != "result.json":
            (inside / "result.json").unlink(missing_ok=True)
        path.write_bytes(damage(data, some_changes))
        before = {p for p in tree(place) if inside not in p.parents}
        result = in_time(lambda: kmn(*command))
        assert result.exit_code in {0, 2}, result.output
        assert {p for p in tree(place) if inside not in p.parents} == before

    for_each(10 * examples, changes, check)


@many
def test_lists(survives: Kmn, place: Path, monkeypatch: pytest.MonkeyPatch, examples: int) -> None:
    # Relative paths: a cut absolute one would be a folder of this machine, such as "/".
    monkeypatch.chdir(place / "frames")
    data = b"../frames\tsome/name\n../frames\n../fr*\n../fr*/0.png\n"
    (place / "masks").mkdir()

    def check(some_changes: list[tuple[Any, ...]]) -> None:
        (place / "list.txt").write_bytes(damage(data, some_changes))
        survives("--from-file", place / "list.txt", "--mask", place / "masks")

    for_each(10 * examples, changes, check)


_odd = st.sampled_from(["..", "-", "--", "'", '"', "\n", "\r", "\t", " ", "ü", "é", "\u2028", "*"])
_part = st.lists(_odd | st.text(max_size=3), max_size=6).map("".join)
names = _part.map(lambda text: text.replace("/", "").replace("\0", "")).filter(
    lambda text: (
        len(text.encode("utf-8", "surrogatepass")) < 200
        and not any("\ud800" <= c <= "\udfff" for c in text)
    )
)


@many
def test_names(survives: Kmn, place: Path, movie: Path, examples: int) -> None:
    size = (64, 48)
    Image.fromarray(np.eye(48, 64, dtype=np.uint8)).resize(size).save(place / "mask.png")

    def check(name: str) -> None:
        folder = place / "videos"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path = folder / f"{name}.mp4"
        shutil.copy(movie, path)
        result = survives(path, "--mask", place / "mask.png", "--end", "2f")
        assert result.exit_code == 0, result.output
        assert len(list((place / "out").glob("*/result.json"))) == 1
        shutil.copy(place / "mask.png", folder / f"{name}.png")
        if name.startswith("."):  # hidden: no picture, no video of a folder
            return
        (place / "masks").mkdir(exist_ok=True)
        shutil.move(folder / f"{name}.png", place / "masks" / f"{name}.png")
        shutil.copy(movie, folder / "other.mp4")
        shutil.copy(place / "mask.png", place / "masks" / "other.png")
        result = survives(folder, "--mask", place / "masks", "--end", "2f")
        assert result.exit_code == 0, result.output
        shutil.rmtree(place / "masks")

    for_each(4 * examples, names, check)


@many
@pytest.mark.parametrize("kind", ["meta", "labelme"])
def test_annotations(place: Path, kind: str, examples: int) -> None:
    meta = {"videos": {"a1": {"objects": {"1": {"category": "cat", "frames": ["00000"]}}}}}
    points = [[1, 2], [30, 4], [20, 28]]
    shapes = [
        {"label": "cat", "points": points, "shape_type": "polygon", "group_id": None},
        {"label": "dog", "points": points[:2], "shape_type": "rectangle"},
        {"label": "dog", "points": points[:2], "shape_type": "circle"},
    ]
    labelme = {"version": "5", "imageWidth": 48, "imageHeight": 32, "shapes": shapes}
    data = json.dumps(meta if kind == "meta" else labelme).encode()
    path = place / f"{kind}.json"

    def check(some_changes: list[tuple[Any, ...]]) -> None:
        path.write_bytes(damage(data, some_changes))
        try:
            found = in_time(
                lambda: read_meta(path) if kind == "meta" else read_labelme(path, (48, 32))
            )
        except KmnError as error:
            assert path.name in error.message
            return
        if kind == "meta":
            assert not any(set(name) & set("/\\\0") or name in {"", ".", ".."} for name in found)

    for_each(20 * examples, changes, check)
