"""COCO, YOLO and CVAT, each read as its own tools read it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_data import draw_disc
from PIL import Image
from pycocotools.coco import COCO
from two_objects import two_objects

from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.exports.coco import write_coco, write_coco_with_images
from kmn_cli.media.exports.cvat import write_cvat
from kmn_cli.media.exports.polygons import outline
from kmn_cli.media.exports.yolo import write_yolo, write_yolo_with_images
from kmn_cli.media.masks import write_mask

Load = Callable[..., Clip]
NAMES = {1: "dog", 3: 'a "bar"'}


def test_coco_through_its_own_library(result: Path, load: Load, tmp_path: Path) -> None:
    write_mask(tmp_path / "second" / "00007.png", two_objects(4))
    clips = [load(result, names=NAMES), load(tmp_path / "second", names=NAMES)]
    write_coco(clips, tmp_path / "a.json")
    coco = COCO(tmp_path / "a.json")
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == list(
        NAMES.values()
    )
    images = coco.loadImgs(coco.getImgIds())
    assert [i["file_name"] for i in images[-2:]] == ["clip/00009.jpg", "second/00007.jpg"]
    assert len(coco.anns) == 9 * 2 + 2  # nothing in the last frame of the first
    tracks = {track["id"]: track for track in coco.dataset["tracks"]}
    assert len(tracks) == 4
    for image in images:
        labels = two_objects(image["frame_id"] if image["video_id"] == 1 else 4)
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        assert len(annotations) == len(np.unique(labels)) - 1
        for annotation in annotations:
            track = tracks[annotation["track_id"]]
            assert annotation["video_id"] == image["video_id"] == track["video_id"]
            truth = labels == track["object_id"]
            np.testing.assert_array_equal(coco.annToMask(annotation), truth)
            assert annotation["area"] == truth.sum()
            assert tuple(annotation["bbox"]) == cv2.boundingRect(truth.astype(np.uint8))
            name = coco.loadCats(annotation["category_id"])[0]["name"]
            assert name == NAMES[track["object_id"]]


def test_objects_of_one_name_are_one_category(result: Path, load: Load, tmp_path: Path) -> None:
    write_coco([load(result, names={1: "dog", 3: "dog"})], tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    assert [category["name"] for category in document["categories"]] == ["dog"]
    assert [track["category_id"] for track in document["tracks"]] == [1, 1]


def test_coco_names_the_pictures_of_a_folder_of_frames(load: Load, tmp_path: Path) -> None:
    write_mask(tmp_path / "m" / "b.png", two_objects(0))
    (tmp_path / "frames").mkdir()
    for name in "ab":
        Image.new("RGB", (64, 48)).save(tmp_path / "frames" / f"{name}.webp")
    write_coco([load(tmp_path / "m", tmp_path / "frames")], tmp_path / "a.json")
    (image,) = json.loads((tmp_path / "a.json").read_text())["images"]
    assert (image["file_name"], image["frame_id"]) == ("m/b.webp", 1)


def test_frames_are_written_where_annotations_look_for_them(
    result: Path, load: Load, tmp_path: Path
) -> None:
    clip = load(result).every(5)
    write_coco_with_images([clip], tmp_path / "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    for image in document["images"]:
        with Image.open(tmp_path / "images" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
    write_yolo_with_images([clip], tmp_path / "yolo")
    pictures = sorted(path.stem for path in (tmp_path / "yolo" / "images").glob("*.jpg"))
    assert pictures == sorted(path.stem for path in (tmp_path / "yolo" / "labels").glob("*.txt"))
    assert pictures == ["clip_00000", "clip_00005"]


def test_yolo_keeps_videos_apart_whose_names_are_alike(load: Load, tmp_path: Path) -> None:
    clips = []
    for shift, (name, frame) in enumerate([("cam/a", "1"), ("cam_a", "1"), ("cam", "a_1")]):
        labels = np.zeros((48, 64), np.uint8)
        labels[8:24, 2 + 8 * shift : 30 + 8 * shift] = 1
        write_mask(tmp_path / "m" / f"{shift}" / f"{frame}.png", labels)
        Image.new("RGB", (64, 48), (80 * shift, 0, 0)).save(tmp_path / f"{shift}.png")
        clip = load(tmp_path / "m" / f"{shift}", tmp_path / f"{shift}.png")
        clips.append(replace(clip, name=name))
    write_yolo_with_images(clips, tmp_path / "yolo")
    for kind in ("labels/*.txt", "images/*.jpg"):
        files = sorted((tmp_path / "yolo").glob(kind))
        assert [path.stem for path in files] == ["cam-2_a_1", "cam_a-2_1", "cam_a_1"]
        assert len({path.read_bytes() for path in files}) == 3
    assert [len(clip.warnings) for clip in clips] == [0, 1, 1]
    assert "cam_a: its files are called cam_a-2_" in clips[1].warnings[0]


def _filled(line: str, size: tuple[int, int], rounding: Callable[..., np.ndarray]) -> np.ndarray:
    """Rasterise a label as trainers do: scale, make whole numbers, fill."""
    points = np.array(line.split()[1:], np.float32).reshape(-1, 2) * size[::-1]
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [rounding(points).astype(np.int32)], 1)
    return mask


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a > 0, b > 0
    return float((a & b).sum() / (a | b).sum())


def _ring(size: tuple[int, int]) -> np.ndarray:
    return draw_disc(size, (50, 60), 40) & ~draw_disc(size, (45, 70), 15)


def _shapes() -> dict[str, np.ndarray]:
    size = (120, 200)
    ring = _ring(size)
    parts = ring | draw_disc(size, (80, 150), 25) | draw_disc(size, (20, 180), 12)
    nested = ring | draw_disc(size, (45, 70), 6)  # an island in the hole
    holes = draw_disc(size, (60, 100), 55)
    for x in range(70, 140, 20):
        holes &= ~draw_disc(size, (60, x), 6)
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.random(size).astype(np.float32), (0, 0), 8)
    return {
        "ring": ring,
        "parts": parts,
        "nested": nested,
        "holes": holes,
        "blobs": noise > np.median(noise),
        "edges": np.ones(size, bool),
        "pixel": draw_disc(size, (5, 5), 0.5),
        "bar": draw_disc(size, (5, 5), 1) & (np.arange(200) == 5),
    }


@pytest.mark.parametrize("name", _shapes())
@pytest.mark.parametrize("rounding", [np.trunc, np.rint])
def test_polygons_fill_to_the_mask(
    name: str, rounding: Callable[..., np.ndarray], tmp_path: Path, load: Load
) -> None:
    truth = _shapes()[name]
    write_mask(tmp_path / "m" / "0.png", truth)
    write_yolo([load(tmp_path / "m")], tmp_path / "yolo")
    (line,) = (tmp_path / "yolo" / "labels" / "m_0.txt").read_text().splitlines()
    assert len(line.split()) >= 7  # what a reader takes for a polygon
    assert _iou(_filled(line, truth.shape, rounding), truth) >= 0.98


def test_an_outline_without_parts_is_exact() -> None:
    ring = _ring((120, 200))
    filled = np.zeros(ring.shape, np.uint8)
    cv2.fillPoly(filled, [outline(ring)], 1)
    np.testing.assert_array_equal(filled, ring)


def test_yolo_classes_and_empty_frames(result: Path, load: Load, tmp_path: Path) -> None:
    write_yolo([load(result, names=NAMES)], tmp_path / "yolo")
    labels = tmp_path / "yolo" / "labels"
    lines = (labels / "clip_00000.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["0", "1"]
    for line, object_id in zip(lines, (1, 3), strict=True):
        truth = two_objects(0) == object_id
        np.testing.assert_array_equal(_filled(line, truth.shape, np.trunc), truth)
    assert (labels / "clip_00009.txt").read_text() == ""
    assert '  1: "a \\"bar\\""' in (tmp_path / "yolo" / "data.yaml").read_text()


def test_cvat_structure(result: Path, load: Load, tmp_path: Path) -> None:
    write_cvat(load(result, names={1: "dog", 3: "dog"}), tmp_path / "c.zip")
    frames = [f"frame_{i:06d}" for i in range(10)]  # as CVAT calls those of a video
    with zipfile.ZipFile(tmp_path / "c.zip") as archive:
        folders = [
            f"Segmentation{kind}/{name}.png" for name in frames for kind in ("Class", "Object")
        ]
        lists = ["labelmap.txt", "ImageSets/Segmentation/default.txt"]
        assert archive.namelist() == [*folders, *lists]
        assert archive.read(lists[1]).decode().split() == frames
        assert archive.read("labelmap.txt").decode().splitlines() == [
            "# label:color_rgb:parts:actions",
            "background:0,0,0::",
            "dog:128,0,0::",
        ]
        with archive.open("SegmentationClass/frame_000000.png") as file:
            classes = Image.open(file)
            assert classes.mode == "RGB"
            shown = np.asarray(classes)
        with archive.open("SegmentationObject/frame_000000.png") as file:
            instances = np.asarray(Image.open(file))
    labels = two_objects(0)
    np.testing.assert_array_equal(shown, np.where(labels[..., None] > 0, (128, 0, 0), 0))
    colours = np.zeros((4, 3), int)
    colours[1], colours[3] = (128, 0, 0), (0, 128, 0)
    np.testing.assert_array_equal(instances, colours[labels])


def test_cvat_keeps_the_names_of_pictures(load: Load, tmp_path: Path) -> None:
    write_mask(tmp_path / "m" / "shot-07.png", two_objects(0))
    write_cvat(load(tmp_path / "m"), tmp_path / "c.zip")
    with zipfile.ZipFile(tmp_path / "c.zip") as archive:
        assert archive.read("ImageSets/Segmentation/default.txt").decode() == "shot-07\n"
