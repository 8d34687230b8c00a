"""What training masks show: the same as everywhere, whoever saved them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_data import draw_disc, write_videos
from PIL import Image

from kmn_cli.data.scan import scan_stills, scan_videos
from kmn_cli.data.store import FrameStore, build_store
from kmn_cli.data.targets import read_targets, way_of_video
from kmn_cli.media.palette import voc_palette

DISC = draw_disc((64, 80), (30, 40), 20)
LABELS = np.zeros((64, 80), np.uint8)  # objects 1 to 3, and a sliver of object 4
LABELS[5:25, 5:30], LABELS[10:50, 40:70], LABELS[30:60, 5:35], LABELS[30:60, 35] = 1, 2, 3, 4


def still(path: Path, values: np.ndarray) -> np.ndarray:
    Image.fromarray(values).save(path)
    return read_targets(path)


@pytest.mark.parametrize("value", [1, 30, 100, 127, 200, 255])
def test_any_grey_on_black_is_the_object(tmp_path, value):
    found = still(tmp_path / "m.png", DISC * np.uint8(value))
    np.testing.assert_array_equal(found > 0, DISC)
    assert len(np.unique(found)) == 2 and found.max() < 255


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 120, 0), (128, 0, 0), (255, 255, 255)])
def test_any_colour_on_black_is_the_object(tmp_path, colour):
    found = still(tmp_path / "m.png", DISC[..., None] * np.array(colour, np.uint8))
    np.testing.assert_array_equal(found > 0, DISC)
    assert len(np.unique(found)) == 2


@pytest.mark.parametrize("step", [1, 15, 30, 60])
def test_greys_are_an_object_each(tmp_path, step):
    np.testing.assert_array_equal(still(tmp_path / "m.png", LABELS * np.uint8(step)), LABELS * step)


def test_a_white_object_among_greys_is_none_but_no_void(tmp_path):
    values = np.array([0, 85, 170, 255, 0], np.uint8)[LABELS]
    found = still(tmp_path / "m.png", values)
    assert [len(np.unique(found[values == v])) for v in (85, 170, 255)] == [1, 1, 1]
    assert len(np.unique(found)) == 4


def test_void_is_background_beside_ids(tmp_path):
    marked = np.where(LABELS == 3, np.uint8(255), LABELS)
    for values in (marked, voc_palette()[marked]):
        found = still(tmp_path / "m.png", values)
        np.testing.assert_array_equal(found, np.where(LABELS == 3, 0, LABELS))


@pytest.mark.parametrize("brightest", [100, 255])
@pytest.mark.parametrize("width", [0.7, 2, 6])
def test_soft_edges_are_cut_at_half(tmp_path, width, brightest):
    soft = cv2.GaussianBlur(DISC * np.float32(brightest), (0, 0), width).astype(np.uint8)
    np.testing.assert_array_equal(still(tmp_path / "m.png", soft), soft > soft.max() // 2)


def test_what_moves_fast_is_one_object(tmp_path):
    """Its edge is a ramp of many greys, each of them flat."""
    ramp = cv2.filter2D(DISC * np.float32(255), -1, np.ones((1, 25), np.float32) / 25)
    values = np.repeat(ramp.astype(np.uint8), 4, axis=0)
    np.testing.assert_array_equal(still(tmp_path / "m.png", values), values > values.max() // 2)


def as_video(root: Path, masks: list[np.ndarray]) -> FrameStore:
    write_videos(root, 1, len(masks))
    for t, mask in enumerate(masks):
        Image.fromarray(mask).save(root / "Annotations" / "v0" / f"{t:05d}.png")
    return build_store(scan_videos(root), root / "cache", 480)


RED, GREEN, BLUE = (255, 0, 0), (0, 120, 0), (0, 0, 255)
LATER = {  # of each object the value, and objects are one after the other alone in a frame
    "greys": [0, 30, 127, 240, 60],
    "close greys": [0, 30, 45, 60, 75],
    "greys with white": [0, 255, 30, 60, 90],
    "ids": [0, 9, 200, 3, 1],
    "colours": [(0, 0, 0), RED, GREEN, BLUE, (9, 90, 200)],
    "VOC's colours": voc_palette()[:5].tolist(),
}


@pytest.mark.parametrize("name", LATER)
def test_a_value_is_the_same_object_in_every_frame(tmp_path, name):
    table = np.array(LATER[name], np.uint8)
    alone = [np.where(i == LABELS, LABELS, 0) for i in (1, 3, 4, 2)]
    shown = [np.zeros_like(LABELS), *alone, LABELS]
    store = as_video(tmp_path, [table[ids] for ids in shown])
    whole = store[len(shown) - 1][..., 3]
    values = [np.unique(whole[i == LABELS]).tolist() for i in range(5)]
    assert values[0] == [0] and len({v for (v,) in values}) == 5
    numbers = np.array([v for (v,) in values], np.uint8)
    for t, ids in enumerate(shown):
        np.testing.assert_array_equal(store[t][..., 3], numbers[ids], err_msg=str(t))


def test_void_alone_in_a_frame_is_void_where_the_video_has_ids(tmp_path):
    only_void = np.where(DISC, np.uint8(255), np.uint8(0))
    store = as_video(tmp_path / "ids", [only_void, LABELS, only_void])
    assert not store[0][..., 3].any() and not store[2][..., 3].any()
    store = as_video(tmp_path / "white", [only_void] * 3)
    np.testing.assert_array_equal(store[0][..., 3] > 0, DISC)


def test_a_photograph_is_no_mask(stills, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 80, 3), dtype=np.uint8)
    for n in (0, 1):
        Image.fromarray(noise).save(stills / "masks" / f"{n}.png")
    scan = scan_stills(stills)
    assert len(build_store(scan, tmp_path / "cache", 480).clips) == 2
    [note] = scan.notes()
    assert note.startswith("2 skipped: its colours are not those of a mask")


def test_masks_that_cannot_be_read_do_not_decide(tmp_path):
    paths = [tmp_path / f"{n}.png" for n in range(3)]
    paths[0].write_bytes(b"no picture")
    Image.fromarray(LABELS * np.uint8(30)).save(paths[1])
    Image.fromarray(DISC * np.uint8(255)).save(paths[2])
    way = way_of_video(paths)
    assert np.unique(read_targets(paths[1], way)).tolist() == [0, 30, 60, 90, 120]
