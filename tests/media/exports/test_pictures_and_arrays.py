from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_clips import square_image
from PIL import Image
from two_objects import two_objects

from kmn_cli.errors import KmnError
from kmn_cli.media.exports.arrays import write_npz
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.exports.contact_sheet import spread, write_contact_sheet
from kmn_cli.media.exports.pictures import write_binary, write_rgba
from kmn_cli.media.masks import write_mask

Load = Callable[..., Clip]


def test_binary_has_a_folder_an_object(result: Path, load: Load, tmp_path: Path) -> None:
    write_binary(load(result), tmp_path / "b")
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["1", "3"]
    for index in (0, 9):  # absent objects have black masks
        for object_id in (1, 3):
            with Image.open(tmp_path / "b" / str(object_id) / f"{index:05d}.png") as image:
                assert image.mode == "L"
                values = np.asarray(image)
            np.testing.assert_array_equal(values, 255 * (two_objects(index) == object_id))


def test_rgba_is_straight_and_hides_what_is_not_seen(
    result: Path, load: Load, tmp_path: Path
) -> None:
    (result / "soft" / "1").mkdir(parents=True)
    Image.fromarray(np.full((48, 64), 128, np.uint8)).save(result / "soft" / "1" / "00000.png")
    write_rgba(load(result, objects=(1,)), tmp_path / "r")
    half = np.asarray(Image.open(tmp_path / "r" / "00000.png"))
    assert (half[..., 3] == 128).all()
    assert np.abs(half[..., :3].astype(int) - square_image(0)).mean() < 8  # not halved
    hard = np.asarray(Image.open(tmp_path / "r" / "00001.png"))
    np.testing.assert_array_equal(hard[..., 3], 255 * (two_objects(1) == 1))
    assert not hard[hard[..., 3] == 0].any()


def test_npz_for_numpy(result: Path, load: Load, tmp_path: Path) -> None:
    write_npz(load(result, names={3: "bar"}).every(3), tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as data:  # no pickles
        np.testing.assert_array_equal(data["labels"], [two_objects(i) for i in (0, 3, 6, 9)])
        assert data["labels"].dtype == np.uint8
        assert data["frames"].tolist() == ["00000", "00003", "00006", "00009"]
        assert data["indices"].tolist() == [0, 3, 6, 9]
        assert data["object_ids"].tolist() == [1, 3]
        assert data["names"].tolist() == ["object_1", "bar"]
        assert data["palette"][1].tolist() == [128, 0, 0]


def test_npz_does_not_hold_all_labels_in_memory(load: Load, tmp_path: Path) -> None:
    labels = np.ones((1000, 1000), np.uint8)
    for index in range(12):
        write_mask(tmp_path / "m" / f"{index}.png", labels)
    clip = load(tmp_path / "m")
    tracemalloc.start()
    write_npz(clip, tmp_path / "m.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 7 * labels.nbytes


def test_a_contact_sheet_shows_frames_and_masks(result: Path, load: Load, tmp_path: Path) -> None:
    write_contact_sheet(load(result, names={1: "dog"}).only([0, 8]), tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as image:
        assert image.width == 1600
        sheet = np.asarray(image)
    left, right = sheet[44:, :800], sheet[44:, 800:]
    for half in (left, right):
        red = (half[..., 0] > 150) & (half[..., 1] < 120) & (half[..., 2] < 80)
        assert red.mean() > 0.03  # the overlay's mixture of the square's yellow and its colour
    write_contact_sheet(load(result), tmp_path / "s.jpg")
    assert Image.open(tmp_path / "s.jpg").format == "JPEG"


def test_a_contact_sheet_needs_no_source(load: Load, tmp_path: Path) -> None:
    write_mask(tmp_path / "m" / "0.png", two_objects(0))
    write_contact_sheet(load(tmp_path / "m"), tmp_path / "s.png")
    colours = np.asarray(Image.open(tmp_path / "s.png")).reshape(-1, 3)
    assert (colours == (60, 60, 60)).all(1).mean() > 0.3


def test_frames_are_spread_over_the_video() -> None:
    assert spread(5) == [0, 1, 2, 3, 4]
    many = spread(1000)
    assert len(many) == 20 and many[0] == 0 and many[-1] == 999


def test_a_folder_is_whole_or_not_there(result: Path, load: Load, tmp_path: Path) -> None:
    clip = load(result)
    write_binary(clip, tmp_path / "out" / "b")
    (result / "masks" / "00005.png").write_bytes(b"")
    with pytest.raises(KmnError):
        write_binary(load(result, objects=(1,)), tmp_path / "out" / "b")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b"]
    assert len(list((tmp_path / "out" / "b").rglob("*.png"))) == 20  # the first one stands
