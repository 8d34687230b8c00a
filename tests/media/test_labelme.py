from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_data import draw_disc
from PIL import Image

from kmn_cli.media.init_mask import mask_from_prompts
from kmn_cli.media.labelme import read_labelme

SIZE = (160, 120)
FRAME = np.zeros((120, 160, 3), np.uint8)
TRIANGLE = [[10, 10], [50, 10], [10, 50]]
Refuses = Callable[..., AbstractContextManager[None]]


def shape(label: str, points: list[list[float]], kind: str = "polygon", **more: Any) -> Any:
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, **more}


def write(path: Path, *shapes: Any, **more: Any) -> Path:
    document = {"version": "5.5.0", "imageWidth": 160, "imageHeight": 120, "shapes": shapes}
    path.write_text(json.dumps({**document, **more}))
    return path


def test_shapes_of_one_label_are_one_object(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.json",
        shape("dog", TRIANGLE),
        shape("cat", [[100, 60], [130, 60]], "circle"),
        shape("dog", [[60, 60], [80, 60], [80, 80], [60, 80]]),
        shape("dog", TRIANGLE, group_id=7),
    )
    found = read_labelme(file, SIZE)
    assert [each.label for each in found] == ["dog", "cat", "dog"]
    labels = mask_from_prompts(FRAME, {i: each.prompts for i, each in enumerate(found[:2], 1)})
    assert labels[20, 20] == labels[70, 70] == 1 and labels[60, 100] == 2
    circle = draw_disc((120, 160), (60, 100), 30)
    assert ((labels == 2) ^ circle).sum() < 0.05 * circle.sum()


def test_rectangles_and_points_are_hints(tmp_path: Path) -> None:
    shapes = (shape("dog", [[50, 60], [20, 30]], "rectangle"), shape("dog", [[30, 40]], "point"))
    (found,) = read_labelme(write(tmp_path / "a.json", *shapes), SIZE)
    assert found.prompts.box == (20, 30, 30, 30)
    assert found.prompts.inside == ((30, 40),)


def test_masks_are_pasted_where_they_belong(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(np.ones((20, 30), bool)).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    said = shape("dog", [[140, 50], [169, 69]], "mask", mask=data)  # reaches over the edge
    (found,) = read_labelme(write(tmp_path / "a.json", said), SIZE)
    wanted = np.zeros((120, 160), np.uint8)
    wanted[50:70, 140:] = 1
    np.testing.assert_array_equal(mask_from_prompts(FRAME, {1: found.prompts}), wanted)


SQUARE = [[20, 20], [60, 20], [60, 60], [20, 60]]


def labels_of(file: Path) -> np.ndarray:
    found = read_labelme(file, SIZE)
    return mask_from_prompts(FRAME, {i: each.prompts for i, each in enumerate(found, 1)})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_names_in_any_encoding_of_labelme(tmp_path: Path, encoding: str) -> None:
    file = write(tmp_path / "a.json", shape("rabbit", TRIANGLE))
    text = file.read_text().replace("rabbit", "\u5154\u5b50")
    file.write_text(text, encoding=encoding)
    assert [each.label for each in read_labelme(file, SIZE)] == ["\u5154\u5b50"]


def test_rectangles_of_four_corners_and_turned_ones(tmp_path: Path) -> None:
    (upright,) = read_labelme(write(tmp_path / "a.json", shape("r", SQUARE, "rectangle")), SIZE)
    assert upright.prompts.box == (20, 20, 40, 40)
    turned = [[60, 20], [100, 60], [60, 100], [20, 60]]
    for kind in ("rectangle", "oriented_rectangle", "rotation"):
        labels = labels_of(write(tmp_path / "b.json", shape("r", turned, kind)))
        assert labels[60, 60] == 1 and labels[25, 25] == 0


def test_several_rectangles_of_one_object_are_its_areas(tmp_path: Path) -> None:
    pieces = [shape("r", [[10, 10], [30, 30]], "rectangle"), shape("r", SQUARE, "rectangle")]
    labels = labels_of(write(tmp_path / "a.json", *pieces))
    assert labels[12, 12] == labels[55, 55] == 1 and labels[12, 55] == 0


def test_points_that_say_what_they_are(tmp_path: Path) -> None:
    said = shape("a", [[100, 60], [110, 70], [5, 5]], "points", point_labels=[1, 1, 0])
    (found,) = read_labelme(write(tmp_path / "a.json", said), SIZE)
    assert found.prompts.inside == ((100, 60), (110, 70))
    assert found.prompts.outside == ((5, 5),)


def test_lines_are_passed_over(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", shape("l", TRIANGLE[:2], "line"), shape("p", SQUARE))
    assert [each.label for each in read_labelme(file, SIZE)] == ["p"]


def test_shapes_of_a_picture_of_another_size_are_scaled(tmp_path: Path) -> None:
    large = [[2 * x, 2 * y] for x, y in SQUARE]
    file = write(tmp_path / "a.json", shape("p", large), imageWidth=320, imageHeight=240)
    (found,) = read_labelme(file, SIZE)
    assert found.prompts.polygons == (tuple((x, y) for x, y in SQUARE),)


def test_files_without_size_and_of_the_first_version(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", shape("p", SQUARE), imageWidth=None, imageHeight=None)
    assert labels_of(file)[40, 40] == 1
    old = {"label": "p", "points": SQUARE, "line_color": None, "fill_color": None}
    write(file, old)
    assert labels_of(file)[40, 40] == 1


def test_shapes_that_reach_over_the_edge(tmp_path: Path) -> None:
    over = [[-20, -20], [250, -20], [250, 60], [-20, 60]]
    labels = labels_of(write(tmp_path / "a.json", shape("p", over)))
    assert labels[:60].all() and not labels[62:].any()


@pytest.mark.parametrize(
    ("shapes", "more", "words"),
    [
        ([shape("dog", TRIANGLE)], {"imageWidth": 80}, "is for 80x120, but the frame is 160x120"),
        ([shape("dog", TRIANGLE[:2])], {}, "polygon marks no area"),
        ([shape("dog", TRIANGLE, "linestrip")], {}, "mark no area (linestrip)"),
        ([shape("dog", TRIANGLE, "star")], {}, "star marks no area"),
        ([shape("dog", [["a", 1]])], {}, "cannot be understood"),
        ([shape("dog", [[0, 0]], "mask", mask="!!")], {}, "cannot be understood"),
        ([{"points": TRIANGLE}], {}, "cannot be understood"),
        ([], {}, "has no shapes"),
        ([], {"shapes": 3}, "no list"),
    ],
)
def test_what_cannot_be_used(
    refuses: Refuses, tmp_path: Path, shapes: list[Any], more: dict[str, Any], words: str
) -> None:
    with refuses("a.json", words):
        read_labelme(write(tmp_path / "a.json", *shapes, **more), SIZE)


@pytest.mark.parametrize("text", ["", "[]", "{}", "\ud800"])
def test_what_is_no_labelme_file(refuses: Refuses, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with refuses("a.json", "cannot be read as a file of labelme"):
        read_labelme(tmp_path / "a.json", SIZE)
