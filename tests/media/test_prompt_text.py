from __future__ import annotations

import pytest

from kmn_cli.errors import UsageError
from kmn_cli.media.prompt_text import parse_prompts
from kmn_cli.media.prompts import Prompts

SQUARE = ((1.0, 1.0), (5.0, 1.0), (5.0, 5.0))


def test_boxes_then_polygons_are_numbered_and_points_mend_by_place() -> None:
    found = parse_prompts(["1,2,3,4", "-5,6.5,7,8"], ["9,9 -8,8", "+7,7"], ["1,1 5,1;5,5"])
    assert found == {
        1: Prompts(box=(1, 2, 3, 4), inside=((9, 9),), outside=((8, 8),)),
        2: Prompts(box=(-5, 6.5, 7, 8), inside=((7, 7),)),
        3: Prompts(polygons=(SQUARE,)),
    }


def test_points_alone_are_objects() -> None:
    assert parse_prompts(points=["1,1", "2,2"]) == {
        1: Prompts(inside=((1, 1),)),
        2: Prompts(inside=((2, 2),)),
    }


def test_an_object_may_be_named() -> None:
    found = parse_prompts(["4:1,2,3,4"], ["4:5,5", "7:6,6"], ["4:1,1 5,1 5,5", "1,1 5,1 5,5"])
    assert sorted(found) == [4, 5, 7]
    assert found[4] == Prompts(box=(1, 2, 3, 4), inside=((5, 5),), polygons=(SQUARE,))


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("boxes", "1,2,3"),
        ("boxes", "a,b,c,d"),
        ("boxes", "0:1,2,3,4"),
        ("boxes", "x:1,2,3,4"),
        ("boxes", "300:1,2,3,4"),
        ("points", "1"),
        ("points", "1,2,3"),
        ("points", ""),
        ("polygons", "1,1 2,2"),
        ("polygons", "1,1 2,2 -3,3"),
        ("boxes", "nan,1,2,3"),
    ],
)
def test_what_cannot_be_read(option: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_prompts(**{option: [text]})
    assert text in caught.value.message and caught.value.hint


def test_two_boxes_for_one_object() -> None:
    with pytest.raises(UsageError, match="object 1 has a box"):
        parse_prompts(["1:1,2,3,4", "1:1,2,3,4"])
