"""From folders to decoded frames, and what is said of what cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_data import draw_disc, draw_frame, write_stills, write_videos
from PIL import Image

from kmn_cli.data.scan import scan_stills, scan_videos
from kmn_cli.data.store import build_store
from kmn_cli.errors import InputError


def test_stills_of_images_and_masks(stills):
    scan = scan_stills(stills)
    assert [clip[0].image.stem for clip in scan.clips] == ["0", "1", "2", "3"]
    assert not scan.notes()


def test_stills_in_sub_folders(tmp_path):
    write_stills(tmp_path / "a", 2)
    write_stills(tmp_path / "b" / "c", 3)
    assert len(scan_stills(tmp_path).clips) == 5


@pytest.mark.parametrize("names", [("a.jpg", "a.png"), ("a.png", "a_mask.png")])
def test_pairs_side_by_side(tmp_path, names):
    mask = draw_disc((40, 40), (20, 20), 9)
    Image.fromarray(draw_frame(mask, 0)).save(tmp_path / names[0])
    Image.fromarray(mask).save(tmp_path / names[1])
    [[pair]] = scan_stills(tmp_path).clips
    assert (pair.image.name, pair.mask.name) == names


def test_videos_in_every_layout(tmp_path):
    write_videos(tmp_path, 2, 4)
    assert [len(clip) for clip in scan_videos(tmp_path).clips] == [4, 4]
    deep = write_videos(tmp_path / "davis", 2, 4, level="480p")
    assert [len(clip) for clip in scan_videos(deep).clips] == [4, 4]
    assert len(scan_videos(deep, ["v1"]).clips) == 1
    with pytest.raises(InputError, match="v7"):
        scan_videos(deep, ["v7"])


def test_frames_without_annotation_are_left_out(videos):
    (videos / "Annotations" / "v0" / "00003.png").unlink()
    assert [len(clip) for clip in scan_videos(videos).clips] == [7, 8]


def test_short_videos_are_skipped_with_a_count(tmp_path):
    write_videos(tmp_path / "a", 2, 2)
    write_videos(tmp_path / "b", 1, 3)
    with pytest.raises(InputError, match="no usable video") as caught:
        scan_videos(tmp_path / "a")
    assert "2 skipped: video with fewer than 3" in caught.value.hint
    assert len(scan_videos(tmp_path / "b").clips) == 1


@pytest.mark.parametrize("scan", [scan_stills, scan_videos])
def test_folders_without_anything(scan, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        scan(tmp_path / "nowhere")
    with pytest.raises(InputError) as caught:
        scan(tmp_path)
    assert "JPEGImages/ + Annotations/" in caught.value.hint


def test_store_holds_every_pixel(stills, tmp_path):
    store = build_store(scan_stills(stills), tmp_path / "cache", 480)
    assert store.clips == [[0], [1], [2], [3]]
    for n in range(4):
        image = np.asarray(Image.open(stills / "images" / f"{n}.png"))
        mask = np.asarray(Image.open(stills / "masks" / f"{n}.png"))
        assert np.array_equal(store[n][..., :3], image)
        assert np.array_equal(store[n][..., 3], mask)


def test_store_is_decoded_once_and_again_when_a_file_changes(stills, tmp_path):
    cache = tmp_path / "cache"
    build_store(scan_stills(stills), cache, 480)
    files = sorted(cache.iterdir())
    build_store(scan_stills(stills), cache, 480)
    assert sorted(cache.iterdir()) == files
    image = stills / "images" / "0.png"
    Image.fromarray(255 - np.asarray(Image.open(image))).save(image)
    build_store(scan_stills(stills), cache, 480)
    assert len(list(cache.iterdir())) == 2 * len(files)


def test_store_reduces_large_pictures(stills, tmp_path):
    store = build_store(scan_stills(stills), tmp_path / "cache", 32)
    assert store[0].shape == (32, 40, 4)
    assert set(np.unique(store[0][..., 3]).tolist()) == {0, 1}


def test_ids_of_index_masks_are_kept_and_void_is_background(videos, tmp_path):
    path = videos / "Annotations" / "v0" / "00000.png"
    labels = np.zeros((64, 80), np.uint8)
    labels[:10], labels[10:20], labels[20:30] = 3, 7, 255
    Image.fromarray(labels).convert("P").save(path)
    image = Image.fromarray(labels, mode="P")
    image.putpalette([n for n in range(256) for _ in range(3)])
    image.save(path)
    store = build_store(scan_videos(videos), tmp_path / "cache", 480)
    assert np.unique(store[0][..., 3]).tolist() == [0, 3, 7]


def break_image(root: Path) -> None:
    (root / "images" / "0.png").write_bytes(b"no picture")


def cut_mask(root: Path) -> None:
    path = root / "masks" / "0.png"
    path.write_bytes(path.read_bytes()[:60])


def resize_mask(root: Path) -> None:
    Image.new("1", (5, 5)).save(root / "masks" / "0.png")


def empty_mask(root: Path) -> None:
    Image.new("1", (80, 64)).save(root / "masks" / "0.png")


def full_mask(root: Path) -> None:
    Image.new("1", (80, 64), 1).save(root / "masks" / "0.png")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (break_image, "broken image"),
        (cut_mask, "broken image or mask"),
        (resize_mask, "differ in size"),
        (empty_mask, "empty mask"),
        (full_mask, "covers the whole image"),
    ],
)
def test_spoilt_samples_are_skipped_and_named(stills, tmp_path, spoil, reason):
    spoil(stills)
    for _ in range(2):  # decoded, and opened from the cache
        scan = scan_stills(stills)
        store = build_store(scan, tmp_path / "cache", 480)
        assert len(store.clips) == 3
        [note] = scan.notes()
        assert note.startswith("1 skipped")
        assert reason in note
        assert "0.png" in note


def test_nothing_left_is_an_error(tmp_path):
    write_stills(tmp_path, 1)
    empty_mask(tmp_path)
    with pytest.raises(InputError, match="No usable") as caught:
        build_store(scan_stills(tmp_path), tmp_path / "cache", 480)
    assert "empty mask" in caught.value.hint


def test_grey_masks_with_small_values_are_ids(stills, tmp_path):
    labels = np.zeros((64, 80), np.uint8)
    labels[5:20], labels[30:40] = 1, 2
    Image.fromarray(labels).save(stills / "masks" / "0.png")
    store = build_store(scan_stills(stills), tmp_path / "cache", 480)
    assert np.array_equal(store[0][..., 3], labels)
