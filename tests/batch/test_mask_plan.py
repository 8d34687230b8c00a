from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kmn_cli.batch.inputs import Video
from kmn_cli.batch.mask_arguments import masks_of, parse_masks
from kmn_cli.batch.mask_plan import MaskPlan
from kmn_cli.errors import InputError, UsageError
from kmn_cli.media.video import Frame, open_video

SIZE = (48, 64)
Draw = Callable[..., Path]


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A folder of six frames that step by five, as YouTube-VOS names them."""
    folder = tmp_path / "cat"
    folder.mkdir()
    for index in range(10, 40, 5):
        Image.new("RGB", SIZE[::-1], (index, 90, 90)).save(folder / f"{index:05d}.png")
    return folder


def plan(video: Path, *values: Any, alone: bool = True, **span: str) -> MaskPlan:
    parsed = parse_masks([str(value) for value in values], alone)
    arguments = masks_of(Video(video, video.name), parsed, alone)
    with open_video(video, **span) as reader:
        return MaskPlan(arguments, reader.info, whole=not span)


def given(masks: MaskPlan, first: int = 0, stop: int = 6) -> dict[int, list[int]]:
    """Ids of the mask that each frame gets."""
    found = {}
    for index in range(first, stop):
        labels = masks(Frame(index, "", np.zeros((*SIZE, 3), np.uint8)))
        if labels is not None:
            found[index] = [int(i) for i in np.unique(labels) if i]
    return found


def test_one_mask_is_for_the_first_frame_read(frames: Path, draw: Draw) -> None:
    assert given(plan(frames, draw("m.png", 3))) == {0: [3]}
    masks = plan(frames, draw("m.png", 3), start="2f")
    assert masks.frames == {2}
    assert given(masks, first=2) == {2: [3]}


def test_masks_for_any_frames_by_index_or_by_name(frames: Path, draw: Draw) -> None:
    first, later = draw("a.png", 1), draw("b.png", 1, 2)
    masks = plan(frames, f"0={first}", f"00025={later}")
    assert masks.object_ids == (1, 2)
    assert given(masks) == {0: [1], 3: [1, 2]}


def test_several_binary_masks_of_a_frame_are_objects_in_turn(frames: Path, draw: Draw) -> None:
    masks = plan(frames, f"0={draw('cat.png', 255)}", f"0={draw('dog.png', 0, 255)}")
    assert masks.object_ids == (1, 2)
    assert given(masks) == {0: [1, 2]}


def test_a_folder_named_like_the_frames(frames: Path, draw: Draw) -> None:
    draw("masks/00010.png", 1)
    draw("masks/00020.png")  # the object is out of the picture
    draw("masks/00030.png", 1, 4)
    masks = plan(frames, frames.parent / "masks")
    assert masks.object_ids == (1, 4)
    assert given(masks) == {0: [1], 4: [1, 4]}


def test_of_a_folder_only_the_frames_read_count(frames: Path, draw: Draw) -> None:
    for name, value in [("00010", 1), ("00020", 2), ("00035", 3)]:
        draw(f"masks/{name}.png", value)
    assert given(plan(frames, frames.parent / "masks", start="1f", end="4f")) == {2: [2]}
    with pytest.raises(InputError, match="no mask marks an object"):
        plan(frames, frames.parent / "masks", start="1f", end="2f")


@pytest.mark.parametrize("alone", [True, False])
def test_a_folder_named_like_the_videos(frames: Path, draw: Draw, alone: bool) -> None:
    draw("masks/cat.png", 1)
    draw("masks/dog.png", 2)
    masks = frames.parent / "masks"
    assert given(plan(frames, masks, alone=alone)) == {0: [1]}
    draw("masks/cat/00015.png", 7)
    draw("masks/cat/00015-preview.png", 3)  # as `kmn init-mask` leaves it
    draw("masks/cat/00020.png")  # the object is out of the picture
    assert given(plan(frames, masks, alone=alone)) == {0: [1], 1: [7]}
    draw("masks/cat/00010.png", 5)
    assert given(plan(frames, masks, alone=alone)) == {0: [5], 1: [7]}
    (masks / "cat.png").unlink()
    assert given(plan(frames, masks, alone=alone)) == {0: [5], 1: [7]}


def test_a_mask_file_may_have_an_equals_sign_in_its_name(frames: Path, draw: Draw) -> None:
    assert given(plan(frames, draw("0=cat.png", 1))) == {0: [1]}


@pytest.mark.parametrize(
    ("value", "span", "text"),
    [
        ("6=m.png", {}, "no frame numbered 6"),
        ("400=m.png", {}, "no frame numbered 400"),
        ("15=m.png", {"start": "2f"}, "--start begins at frame 2"),
        ("35=m.png", {"end": "3f"}, "--end stops before frame 3"),
        ("soon=m.png", {}, "'soon' is not a frame"),
    ],
)
def test_a_mask_of_a_frame_that_is_not_read(
    frames: Path,
    draw: Draw,
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    span: dict[str, str],
    text: str,
) -> None:
    monkeypatch.chdir(draw("m.png", 1).parent)
    with pytest.raises(InputError) as error:
        plan(frames, value, **span)
    assert text in error.value.message
    assert error.value.hint


def test_a_mask_of_a_frame_that_never_came(frames: Path, draw: Draw) -> None:
    masks = plan(frames, f"0={draw('a.png', 1)}", f"35={draw('b.png', 1)}")
    given(masks, stop=3)
    with pytest.raises(InputError, match="has 3 frames"):
        masks.check_all_used(3)


def test_a_folder_without_a_mask_for_this_video(frames: Path, draw: Draw) -> None:
    draw("masks/dog.png", 2)
    with pytest.raises(InputError, match="no mask for"):
        plan(frames, frames.parent / "masks")


def test_no_mask(frames: Path) -> None:
    with pytest.raises(UsageError):
        plan(frames)
    with pytest.raises(InputError, match=r"missing\.png"):
        plan(frames, "missing.png")


def test_one_file_for_several_videos(frames: Path, draw: Draw) -> None:
    with pytest.raises(UsageError, match="several inputs"):
        plan(frames, draw("m.png", 1), alone=False)


def test_the_checksums_tell_one_mask_from_another(frames: Path, draw: Draw) -> None:
    first = plan(frames, draw("a.png", 1)).checksums
    assert plan(frames, draw("b.png", 1)).checksums == first
    assert plan(frames, draw("c.png", 2)).checksums != first
    assert plan(frames, f"15={draw('a.png', 1)}").checksums != first


def test_the_export_of_cvat(movie: Path, draw: Draw) -> None:
    draw("export/SegmentationClass/frame_000000.png", 2)
    draw("export/SegmentationClass/frame_000008.png", 2)
    folder = draw("export/SegmentationObject/frame_000000.png", 1, 3).parent.parent
    assert given(plan(movie, folder), stop=10) == {0: [1, 3]}
    assert given(plan(movie, folder / "SegmentationClass"), stop=10) == {0: [2], 8: [2]}


def test_the_brush_of_label_studio(movie: Path, draw: Draw) -> None:
    for i, label in enumerate(("cat", "dog")):
        values = (255, 0) if i else (0, 255)
        folder = draw(f"ls/task-7-annotation-2-by-me@x.org-tag-{label}-{i}.png", *values).parent
    assert given(plan(movie, folder)) == {0: [1, 2]}
    draw("ls/task-8-annotation-3-by-me@x.org-tag-cat-0.png", 255)
    with pytest.raises(InputError, match="tell a task but no frame"):
        plan(movie, folder)


def test_a_folder_numbered_from_1_for_a_video_is_said(movie: Path, draw: Draw) -> None:
    masks = plan(movie, draw("mk/0001.png", 1).parent)
    assert given(masks) == {1: [1]}
    assert "counted from 0" in masks.warnings[0] and "--mask 0=" in masks.warnings[0]


@pytest.mark.parametrize("name", ["mask.png", "00020_mask.png", "00020.png"])
def test_a_mask_among_the_frames_is_no_frame(frames: Path, draw: Draw, name: str) -> None:
    for path in frames.glob("*.png"):
        path.rename(path.with_suffix(".jpg"))
    mask = draw(f"cat/{name}", 4)
    with open_video(frames) as reader:
        assert reader.info.frames == 6
    assert given(plan(frames, f"20={mask}")) == {2: [4]}
    if name != "mask.png":
        assert given(plan(frames, frames)) == {2: [4]}


def test_a_mask_that_is_a_frame_is_refused(frames: Path, draw: Draw) -> None:
    mask = draw("cat/object.png", 1)
    with pytest.raises(InputError, match="lies among the frames"):
        plan(frames, f"0={mask}")


def test_a_colour_is_one_object_in_all_masks(frames: Path, draw: Draw) -> None:
    first, second = draw("a.png", 1, 2), draw("b.png", 2, 1)
    colours = np.array([(0, 0, 0), (250, 50, 83), (51, 221, 255)], np.uint8)
    for path in (first, second):
        Image.fromarray(colours[np.asarray(Image.open(path))]).save(path)
    masks = plan(frames, f"10={first}", f"20={second}")
    labels = [masks(Frame(i, "", np.zeros((*SIZE, 3), np.uint8))) for i in (0, 2)]
    for one, column in zip(labels, (5, 25), strict=True):  # the first colour's square
        assert one is not None and one[10, column] == 1
