"""Masks whose edges were smoothed, and pictures that are none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from painted import save, two_objects
from PIL import Image, ImageFilter

from kmn_cli.media.labels import read_mask
from kmn_cli.media.palette import voc_palette


def round_objects() -> np.ndarray:
    labels = np.zeros((240, 320), np.uint8)
    cv2.ellipse(labels, (90, 110), (60, 40), 30, 0, 360, 2, -1)
    cv2.circle(labels, (200, 150), 57, 1, -1)
    return labels


@pytest.mark.parametrize("factor", [0.7, 1.7])
@pytest.mark.parametrize(
    ("kind", "sampling"),
    [
        ("grey", Image.Resampling.BILINEAR),
        ("grey", Image.Resampling.LANCZOS),
        ("palette colours", Image.Resampling.BILINEAR),
        ("palette colours", Image.Resampling.LANCZOS),
        ("indices", Image.Resampling.BILINEAR),
    ],
)
def test_smoothed_edges_are_repaired(
    tmp_path: Path, kind: str, factor: float, sampling: Image.Resampling
) -> None:
    labels = round_objects()
    if kind == "grey":
        labels = (labels > 0).astype(np.uint8)
    values = {
        "grey": labels * 255,
        "palette colours": voc_palette()[labels],
        "indices": labels * 6,
    }[kind]
    size = (round(320 * factor), round(240 * factor))
    path = save(tmp_path, Image.fromarray(values).resize(size, sampling))
    mask = read_mask(path)
    height, width = mask.labels.shape
    sharp = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    assert mask.ids == {"grey": (1,), "palette colours": (1, 2), "indices": (6, 12)}[kind]
    assert ((mask.labels > 0) == (sharp > 0)).mean() > 0.99
    assert len(mask.warnings) == 1 and "smoothed" in mask.warnings[0]
    assert str(path) in mask.warnings[0]


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_a_jpeg_is_refused_and_its_copy_as_png_is_repaired(
    tmp_path: Path, refuses, quality: int
) -> None:
    large = np.kron(two_objects() > 0, np.ones((4, 4), np.uint8)).astype(np.uint8)
    large[100:110, 100:120] = 1  # edges inside JPEG's blocks
    path = tmp_path / "jpeg-inside.png"
    Image.fromarray(large * 255).save(path, "JPEG", quality=quality)
    with refuses("JPEG", "compression", "PNG"):
        read_mask(path)
    with Image.open(path) as blurred:
        blurred.save(tmp_path / "copy.png", "PNG")
    mask = read_mask(tmp_path / "copy.png")
    assert np.array_equal(mask.labels, large)
    assert "smoothed edges" in mask.warnings[0]


def test_thin_and_tiny_objects_of_exact_colours_are_kept(tmp_path: Path) -> None:
    labels = two_objects()
    labels[55, 5:75] = 3
    labels[2:4, 2:4] = 4
    for name, image in (
        ("p.png", Image.fromarray(labels, "P")),
        ("l.png", Image.fromarray(labels)),
        ("rgb.png", Image.fromarray(voc_palette()[labels])),
    ):
        if image.mode == "P":
            image.putpalette(voc_palette().tobytes())
        mask = read_mask(save(tmp_path, image, name))
        assert np.array_equal(mask.labels, labels), name
        assert mask.warnings == ()


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_photograph_is_refused(tmp_path: Path, refuses, mode: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    photo = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(3))
    photo = photo.quantize(256) if mode == "P" else photo.convert(mode)
    with refuses("does not look like a mask"):
        read_mask(save(tmp_path, photo))


def test_too_many_colours_are_refused(tmp_path: Path, refuses) -> None:
    cells = np.arange(400, dtype=np.int32).reshape(20, 20)
    colours = np.stack([cells // 256 * 40, cells % 256, cells * 7 % 256], -1).astype(np.uint8)
    with refuses("different colours"):
        read_mask(save(tmp_path, np.kron(colours, np.ones((6, 6, 1), np.uint8))))
