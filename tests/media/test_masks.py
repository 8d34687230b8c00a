from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_clips import huge_png
from painted import save, two_objects
from PIL import Image

from kmn_cli.media.labels import read_ids, read_mask
from kmn_cli.media.masks import Mask, checksum, combine_masks, write_mask
from kmn_cli.media.palette import voc_palette


def test_voc_palette_is_the_published_one() -> None:
    palette = voc_palette()
    expected = {1: (128, 0, 0), 3: (128, 128, 0), 8: (64, 0, 0), 10: (64, 128, 0)}
    expected |= {0: (0, 0, 0), 4: (0, 0, 128), 255: (224, 224, 192)}
    for object_id, colour in expected.items():
        assert tuple(palette[object_id]) == colour


@settings(max_examples=25, deadline=None)
@given(labels=arrays(np.uint8, (9, 7), elements=st.integers(0, 254)))
def test_any_ids_come_back_as_written(labels: np.ndarray, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("mask") / "mask.png"
    write_mask(path, labels)
    with Image.open(path) as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), labels)


def test_a_mask_may_name_objects_that_are_absent(tmp_path: Path) -> None:
    """As a text of the PNG: other programs read the same ids."""
    nothing = np.zeros((6, 8), np.uint8)
    write_mask(tmp_path / "m.png", nothing, absent=(12, 3))
    mask = read_mask(tmp_path / "m.png")
    assert mask.absent == (3, 12) and mask.ids == ()
    write_mask(tmp_path / "n.png", two_objects(), absent=(3,))
    assert read_mask(tmp_path / "n.png").absent == (3,)
    assert np.array_equal(read_ids(tmp_path / "n.png"), two_objects())
    sums = {checksum(nothing), checksum(nothing, (3,)), checksum(nothing, (3, 12))}
    assert len(sums) == 3


def test_index_png_keeps_indices_and_palette(tmp_path: Path) -> None:
    youtube = bytes([0, 0, 0, 236, 95, 103, 249, 145, 87]) + bytes(759)
    write_mask(tmp_path / "m.png", two_objects(), youtube)
    mask = read_mask(tmp_path / "m.png", (80, 60))
    assert np.array_equal(mask.labels, two_objects())
    assert mask.palette == youtube
    assert mask.ids == (1, 2) and mask.warnings == ()


def test_index_png_with_one_high_id_keeps_it(tmp_path: Path) -> None:
    write_mask(tmp_path / "m.png", np.where(two_objects() == 2, 38, 0).astype(np.uint8))
    assert read_mask(tmp_path / "m.png").ids == (38,)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16"])
def test_black_and_white_is_one_object(tmp_path: Path, mode: str) -> None:
    white = np.where(two_objects() > 0, np.uint8(255), np.uint8(0))
    image = Image.fromarray(white)
    if mode == "I;16":
        image = Image.fromarray(white.astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    mask = read_mask(save(tmp_path, image))
    assert np.array_equal(mask.labels, two_objects() > 0)
    assert mask.ids == (1,) and mask.warnings == ()


def test_black_and_white_palette_png_is_one_object(tmp_path: Path) -> None:
    write_mask(tmp_path / "m.png", np.where(two_objects() > 0, np.uint8(255), np.uint8(0)))
    assert read_mask(tmp_path / "m.png").ids == (1,)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_small_greys_are_ids(tmp_path: Path, dtype: type) -> None:
    mask = read_mask(save(tmp_path, Image.fromarray(two_objects().astype(dtype))))
    assert np.array_equal(mask.labels, two_objects())


def test_instance_numbers_above_255_stay_apart(tmp_path: Path) -> None:
    numbers = np.array([0, 26001, 26002], np.uint16)[two_objects()]
    assert np.array_equal(read_mask(save(tmp_path, Image.fromarray(numbers))).labels, two_objects())


def test_palette_colours_become_their_ids(tmp_path: Path) -> None:
    mask = read_mask(save(tmp_path, voc_palette()[two_objects()]))
    assert np.array_equal(mask.labels, two_objects())


def test_other_colours_are_numbered_as_they_appear_and_kept(tmp_path: Path) -> None:
    colours = np.array([[0, 0, 0], [255, 0, 0], [10, 200, 30]], np.uint8)
    mask = read_mask(save(tmp_path, colours[two_objects()]))
    # Object 2 of the source stands higher up: it comes first.
    assert np.array_equal(mask.labels, np.array([0, 2, 1], np.uint8)[two_objects()])
    assert mask.palette is not None
    assert mask.palette[:9] == bytes([0, 0, 0, 10, 200, 30, 255, 0, 0])


def test_editors_that_number_black_last_are_understood(tmp_path: Path) -> None:
    image = Image.fromarray((two_objects() == 0).astype(np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 0, 0])
    assert np.array_equal(read_mask(save(tmp_path, image)).labels, two_objects() > 0)


def test_transparent_is_background(tmp_path: Path) -> None:
    rgba = np.full((60, 80, 4), 200, np.uint8)
    rgba[..., 3] = np.where(two_objects() > 0, 255, 0)
    assert np.array_equal(read_mask(save(tmp_path, rgba)).labels, two_objects() > 0)


def test_cut_out_picture_gives_its_outline(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 4), np.uint8)
    noise[..., 3] = np.where(two_objects() > 0, 255, 0)
    assert np.array_equal(read_mask(save(tmp_path, noise)).labels, two_objects() > 0)


def test_void_is_background_with_a_warning(tmp_path: Path) -> None:
    labels = two_objects()
    labels[0:5] = 255
    write_mask(tmp_path / "m.png", labels)
    mask = read_mask(tmp_path / "m.png")
    assert np.array_equal(mask.labels, two_objects())
    assert len(mask.warnings) == 1 and "void" in mask.warnings[0]


def test_255_objects_are_understood(tmp_path: Path) -> None:
    cells = np.kron(np.arange(256, dtype=np.uint8).reshape(16, 16), np.ones((4, 4), np.uint8))
    colours = np.stack([cells, cells, np.where(cells > 0, 255 - cells, cells)], -1)
    assert len(read_mask(save(tmp_path, colours)).ids) == 255


def test_empty_mask_is_refused_unless_it_may_be(tmp_path: Path, refuses) -> None:
    write_mask(tmp_path / "m.png", np.zeros((6, 8), np.uint8))
    with refuses("no object"):
        read_mask(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", allow_empty=True).ids == ()


@pytest.mark.parametrize(
    ("size", "word"),
    [((160, 120), "nearest-neighbour"), ((60, 80), "turned"), ((100, 90), "shape")],
)
def test_another_size_says_both_and_what_to_do(
    tmp_path: Path, refuses, size: tuple[int, int], word: str
) -> None:
    write_mask(tmp_path / "m.png", two_objects())
    with refuses("80x60", f"{size[0]}x{size[1]}", word):
        read_mask(tmp_path / "m.png", size)


def test_files_that_cannot_be_read(tmp_path: Path, refuses) -> None:
    with refuses("no-such.png"):
        read_mask(tmp_path / "no-such.png")
    (tmp_path / "text.png").write_text("not a picture")
    with refuses("text.png"):
        read_mask(tmp_path / "text.png")
    write_mask(tmp_path / "whole.png", np.tile(two_objects(), (8, 8)))
    data = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) * 2 // 3])
    with refuses("cut.png"):
        read_mask(tmp_path / "cut.png")
    with refuses(str(tmp_path)):
        read_mask(tmp_path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [9000, 100_000])
def test_huge_picture_is_refused_unread(tmp_path: Path, refuses, side: int) -> None:
    with refuses("million"):
        read_mask(huge_png(tmp_path / "bomb.png", side))


def test_binary_masks_become_objects_in_order() -> None:
    left, right = np.zeros((2, 4, 6), np.uint8)
    left[:, :3] = 1
    right[1:3, 2:] = 7
    joined = combine_masks([Mask(left), Mask(right)])
    assert joined.ids == (1, 2)
    assert np.array_equal(joined.labels == 2, right > 0)
    assert any("4 pixels" not in text and "2 pixels" in text for text in joined.warnings)


def test_masks_that_cannot_be_combined(refuses) -> None:
    small, large = Mask(np.ones((2, 2), np.uint8)), Mask(np.ones((3, 4), np.uint8))
    with refuses("2x2", "4x3"):
        combine_masks([small, large])
    with refuses("Object 1"):
        combine_masks([small, small])
    with refuses():
        combine_masks([])
