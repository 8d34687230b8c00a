"""Frames before a mask are followed backwards; a later mask costs only what it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from results import result_of
from test_resume import pictures
from typer.testing import Result

from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.masks import write_mask
from kmn_cli.media.video import open_video

Kmn = Callable[..., Result]
Draw = Callable[..., Path]
ALL = "masks,overlay,soft,cutout"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the steps of the network; states are saved after every frame."""
    real, count = VideoSegmenter.step, [0]

    def step(self: VideoSegmenter, *arguments: Any, **rest: Any) -> Any:
        count[0] += 1
        return real(self, *arguments, **rest)

    monkeypatch.setattr(VideoSegmenter, "step", step)
    monkeypatch.setattr("kmn_cli.inference.saved_state.MAX_SHARE", 1e9)
    return count


@pytest.fixture
def run(kmn: Kmn, tiny_weights: Path, tmp_path: Path) -> Callable[..., Path]:
    """`kmn segment` into tmp_path/NAME; returns the folder of results."""

    def segment(name: str, video: Path, *arguments: object) -> Path:
        common = ["--weights", tiny_weights, "--device", "cpu", "-o", tmp_path / name]
        rest = ["--save-every", "0.000001", "--memory-every", 2, "--max-memory-frames", 3]
        done = kmn("segment", video, *arguments, *common, *rest)
        assert done.exit_code == 0, done.output
        return tmp_path / name / video.stem

    return segment


def labels(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(path)) for path in sorted((folder / "masks").glob("*.png"))]


@pytest.fixture
def reversed_frames(movie: Path, tmp_path: Path) -> Path:
    """The movie's first seven frames, the last one first."""
    place = tmp_path / "reversed"
    place.mkdir()
    with open_video(movie) as reader:
        for frame in reader:
            if frame.index < 7:
                Image.fromarray(frame.image).save(place / f"{6 - frame.index}.png")
    return place


@pytest.mark.parametrize("formats", ["masks", ALL])
def test_backwards_is_forwards_over_the_frames_in_reverse(
    run: Callable[..., Path], movie: Path, reversed_frames: Path, draw: Draw, formats: str
) -> None:
    mask = draw("m.png", 1, 5)
    both = run("both", movie, "--mask", f"6={mask}", "--format", formats)
    wanted = run("turned", reversed_frames, "--mask", mask, "--format", formats)
    for index in range(7):
        for kind in ["masks", *(["soft/1", "soft/5", "cutout"] if "soft" in formats else [])]:
            found = (both / kind / f"{index:05d}.png").read_bytes()
            assert found == (wanted / kind / f"{6 - index}.png").read_bytes(), (kind, index)
    assert result_of(both)["settings"]["direction"] == "start"
    assert result_of(both)["objects"][0]["first_seen"] == 0
    assert not (both / ".backward").exists()
    again = run("both", movie, "--mask", f"6={mask}", "--format", formats)
    assert again == both  # already done
    forward = run("forward", movie, "--mask", f"6={mask}", "--direction", "forward")
    assert not any(frame.any() for frame in labels(forward)[:6])
    assert all((a == b).all() for a, b in zip(labels(forward)[6:], labels(both)[6:], strict=True))


def test_later_objects_are_followed_backwards_when_asked(
    run: Callable[..., Path], movie: Path, draw: Draw
) -> None:
    masks = ["--mask", f"2={draw('a.png', 1)}", "--mask", f"7={draw('b.png', 0, 2)}"]
    plain, both = run("plain", movie, *masks), run("both", movie, *masks, "--direction", "both")
    assert not any((frame == 2).any() for frame in labels(plain)[:7])
    assert all((frame == 2).any() for frame in labels(both)[:7])
    for index in (2, 7):  # given masks stay
        given = labels(plain)[index]
        assert (labels(both)[index] == given)[given > 0].all()


def test_between_two_masks_the_nearer_one_decides(
    run: Callable[..., Path], movie: Path, draw: Draw
) -> None:
    """Each way by itself says what the blend must be."""
    a, b = ["--mask", f"0={draw('a.png', 1)}"], ["--mask", f"9={draw('b.png', 0, 1)}"]
    both = run("both", movie, *a, *b, "--direction", "both")
    ways = [run(way, movie, *mask, "--format", "soft") for way, mask in (("on", a), ("back", b))]
    for index in range(1, 9):
        soft = [np.asarray(Image.open(way / f"soft/1/{index:05d}.png")) / 255 for way in ways]
        blend = soft[0] * (9 - index) / 9 + soft[1] * index / 9
        sure = np.abs(blend - 0.5) > 1 / 255
        assert (labels(both)[index] == (blend > 0.5))[sure].all() and sure.mean() > 0.5


@pytest.mark.parametrize("stop", [2, 9, 12])
def test_a_run_stopped_on_either_way_goes_on(
    run: Callable[..., Path],
    kmn: Kmn,
    movie: Path,
    draw: Draw,
    steps: list[int],
    monkeypatch: pytest.MonkeyPatch,
    stop: int,
) -> None:
    masks = ["--mask", f"3={draw('a.png', 1)}", "--mask", f"6={draw('b.png', 0, 2)}"]
    command = [movie, *masks, "--direction", "both", "--format", ALL]
    whole = run("whole", *command)
    total, steps[0] = steps[0], 0
    counted = VideoSegmenter.step

    def breaking(self: VideoSegmenter, *arguments: Any, **rest: Any) -> Any:
        if steps[0] == stop:
            raise KeyboardInterrupt
        return counted(self, *arguments, **rest)

    monkeypatch.setattr(VideoSegmenter, "step", breaking)
    with pytest.raises(AssertionError):
        run("out", *command)
    monkeypatch.setattr(VideoSegmenter, "step", counted)
    steps[0] = 0
    out = run("out", *command)
    assert steps[0] == total - stop
    assert pictures(out) == pictures(whole)
    assert result_of(out)["objects"] == result_of(whole)["objects"]


@pytest.mark.parametrize(
    ("direction", "expected"), [([], 4), (["--direction", "both"], 4 + 7)], ids=["auto", "both"]
)
def test_a_correction_redoes_what_it_changes(
    run: Callable[..., Path],
    movie: Path,
    draw: Draw,
    steps: list[int],
    direction: list[str],
    expected: int,
) -> None:
    first = ["--mask", f"0={draw('a.png', 1)}", *direction]
    more = [*first, "--mask", f"6={draw('b.png', 0, 1)}"]
    whole = run("whole", movie, *more)
    run("out", movie, *first)
    steps[0] = 0
    out = run("out", movie, *more)
    assert pictures(out) == pictures(whole)
    continued = result_of(out)["continued"]
    if not direction:
        assert steps[0] == expected
        assert continued["frames_kept"] == 6 and "the earlier run" in continued["note"]
    assert result_of(out)["objects"] == result_of(whole)["objects"]


@pytest.mark.parametrize("direction", ["both", "forward", None])
def test_an_object_that_a_mask_names_as_absent_is_gone_beyond_it(
    run: Callable[..., Path], movie: Path, draw: Draw, tmp_path: Path, direction: str | None
) -> None:
    """A correction that says so ends where a run from scratch does."""
    way = ["--direction", direction] if direction else []
    start = [movie, "--mask", f"3={draw('m.png', 1, 5)}", *way, "--format", "masks,soft"]
    before = labels(run("out", *start))
    write_mask(tmp_path / "gone.png", np.zeros_like(before[0]), absent=(5,))
    masks = [*start, "--mask", f"6={tmp_path / 'gone.png'}"]
    if direction != "forward":
        write_mask(tmp_path / "none.png", np.zeros_like(before[0]), absent=(1, 5))
        masks += ["--mask", f"1={tmp_path / 'none.png'}"]
    out, scratch = run("out", *masks), run("scratch", *masks)
    assert pictures(out) == pictures(scratch)
    after = labels(out)
    for index in (2, 3, 4, 5):
        assert (after[index] == before[index]).all()
    assert not any((each == 5).any() for each in after[6:])
    assert not any(each.any() for each in after[:2])
    entries = {each["id"]: each for each in result_of(out)["objects"]}
    assert 6 not in entries[5]["lost_at"]


def test_outputs_that_a_correction_does_not_renew_are_removed(
    run: Callable[..., Path], movie: Path, draw: Draw
) -> None:
    first = ["--mask", f"0={draw('a.png', 1)}"]
    out = run("out", movie, *first, "--format", "masks,soft")
    run("out", movie, *first, "--mask", f"6={draw('b.png', 0, 2)}", "--format", "masks")
    assert not (out / "soft").exists()
    assert set(result_of(out)["outputs"]) == {"masks"}


def test_masks_of_another_kind_are_another_run(
    run: Callable[..., Path], kmn: Kmn, movie: Path, draw: Draw, tmp_path: Path, tiny_weights: Path
) -> None:
    run("out", movie, "--mask", draw("a.png", 1))
    common = ["--weights", tiny_weights, "--device", "cpu", "-o", tmp_path / "out"]
    other = kmn("segment", movie, "--mask", draw("b.png", 0, 1), *common)
    assert other.exit_code == 2 and "other masks" in other.stderr


# What is given, by frame: the values that `draw` writes side by side.
WALK: list[dict[int, tuple[int, ...]]] = [
    {4: (1,)},
    {4: (1,), 9: (0, 2)},  # another object, on the last frame
    {2: (0, 1), 4: (1,), 9: (0, 2)},  # before the first mask
    {2: (0, 1), 9: (0, 2)},  # one less
    {2: (0, 1), 6: (1, 0, 3), 9: (0, 2)},
    {2: (0, 1), 6: (1, 2)},  # two objects less
]


@pytest.mark.parametrize(
    "options", ["", "--direction both", "--direction both --start 2f --end 10f"]
)
def test_a_walk_of_corrections_ends_where_runs_from_scratch_do(
    run: Callable[..., Path], movie: Path, draw: Draw, steps: list[int], options: str
) -> None:
    for number, given in enumerate(WALK):
        masks = [
            word
            for frame, values in given.items()
            for word in ("--mask", f"{frame}={draw('-'.join(map(str, values)) + '.png', *values)}")
        ]
        command = [movie, *masks, *options.split(), "--format", "masks,soft"]
        out, scratch = run("out", *command), run(f"scratch{number}", *command)
        assert pictures(out) == pictures(scratch), given
        assert result_of(out)["objects"] == result_of(scratch)["objects"]
