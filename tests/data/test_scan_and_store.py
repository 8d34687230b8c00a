"""From folders to decoded frames, and what is said of what cannot be used."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from drawn_data import draw_disc, draw_frame, write_stills, write_videos
from PIL import Image

from kmn_cli.data.scan import scan_stills, scan_videos
from kmn_cli.data.store import build_store
from kmn_cli.errors import InputError, KmnError


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


def test_labels_of_reduced_pictures_are_where_the_picture_has_them(stills, tmp_path):
    """Of five rows the middle one is kept, and not the first."""
    mask = np.tile(np.array([[0], [0], [1], [0], [0]], np.uint8), (16, 80))
    Image.fromarray(mask * 255).save(stills / "masks" / "0.png")
    Image.fromarray(draw_frame(mask > 0, 0)).save(stills / "images" / "0.png")
    assert build_store(scan_stills(stills), tmp_path / "cache", 16)[0][..., 3].all()


def test_the_store_is_a_read_only_file(stills, tmp_path):
    """A map that could be written to counts as memory, and more than there is is refused."""
    store = build_store(scan_stills(stills), tmp_path / "cache", 480)
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("no /proc to look at")
    (line,) = [line for line in maps.read_text().splitlines() if str(tmp_path / "cache") in line]
    assert line.split()[1].startswith("r--")
    assert store[0].sum() > 0


@pytest.mark.parametrize("cut", ["data", "index", "neither"])
def test_what_was_decoded_is_kept(stills, tmp_path, cut, monkeypatch):
    """Stopped at the third picture, and perhaps in the middle of writing a file."""
    whole = build_store(scan_stills(stills), tmp_path / "whole", 480)
    cache, steps = tmp_path / "cache", Steps(stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        build_store(scan_stills(stills), cache, 480, steps)
    (data,), (index,) = cache.glob("*.bin"), cache.glob("*.jsonl")
    if cut == "data":
        data.write_bytes(data.read_bytes()[:-7])
    if cut == "index":
        index.write_bytes(index.read_bytes()[:-7])
    rest = Steps()
    store = build_store(scan_stills(stills), cache, 480, rest)
    assert rest.count == rest.total == (2 if cut == "neither" else 3)
    assert torch.equal(store.pixels, whole.pixels) and store.frames == whole.frames
    again = Steps()
    build_store(scan_stills(stills), cache, 480, again)
    assert again.total == 0


def test_large_sets_are_kept_packed(videos, tmp_path, monkeypatch):
    raw = build_store(scan_videos(videos), tmp_path / "raw", 48)
    monkeypatch.setattr("kmn_cli.data.store.PACK_ABOVE", 1000)
    packed = build_store(scan_videos(videos), tmp_path / "packed", 48)
    assert packed.is_packed and not raw.is_packed
    assert packed.clips == raw.clips
    assert packed.pixels.numel() < raw.pixels.numel() / 2
    for frame in range(len(raw.frames)):
        assert np.array_equal(packed[frame][..., 3], raw[frame][..., 3])
        difference = packed[frame][..., :3].astype(float) - raw[frame][..., :3]
        assert np.abs(difference).mean() < 12  # noise is the worst that a JPEG can be given


def test_a_disk_without_room_is_said_first(stills, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "kmn_cli.data.store.shutil.disk_usage", lambda path: SimpleNamespace(free=9)
    )
    steps = Steps()
    with pytest.raises(KmnError, match="are free") as caught:
        build_store(scan_stills(stills), tmp_path / "cache", 480, steps)
    assert "--cache" in caught.value.hint and steps.total == 0


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


class Steps:
    """Counts the frames that are decoded, and may interrupt."""

    def __init__(self, stop_at: int = 0) -> None:
        self.total = self.count = 0
        self._stop_at = stop_at

    @contextmanager
    def __call__(self, what: str, frames: int):
        assert "GB" in what
        self.total = frames
        yield self

    def advance(self) -> None:
        self.count += 1
        if self.count == self._stop_at:
            raise KeyboardInterrupt


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
        (cut_mask, "mask cannot be read as a picture"),
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
