"""Warps: image and mask move together, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch.nn import functional

from kmn_cli.data.augment import MEAN_COLOUR, WarpRange, draw_jitter, jitter_colours, place
from kmn_cli.data.region import draw_region
from kmn_cli.data.store import FrameStore
from kmn_cli.data.warp import Cut, warp


def stored(*frames: torch.Tensor) -> FrameStore:
    """A store of single frames of any size."""
    places, offset = [], 0
    for frame in frames:
        places.append((offset, *frame.shape[:2]))
        offset += frame.numel()
    pixels = torch.cat([frame.flatten() for frame in frames])
    return FrameStore(pixels, places, [[n] for n in range(len(frames))])


def cut(frame: torch.Tensor, matrix: np.ndarray, crop: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One square: image (3, crop, crop) and labels (crop, crop)."""
    images, labels = warp([Cut(stored(frame), 0, matrix, None)], crop)
    return images[0], labels[0]


def frame_with_box(height: int = 60, width: int = 90) -> torch.Tensor:
    """A red box on green whose mask is exactly the red pixels."""
    frame = torch.zeros(height, width, 4, dtype=torch.uint8)
    frame[..., 1] = 200
    frame[20:40, 30:60] = torch.tensor([250, 0, 0, 1], dtype=torch.uint8)
    return frame


def test_unit_placement_copies_the_frame():
    frame = torch.randint(0, 256, (32, 32, 4), dtype=torch.uint8)
    image, labels = cut(frame, place((32, 32), (16, 16), 1.0, False), 32)
    assert torch.allclose(image, frame[..., :3].permute(2, 0, 1) / 255, atol=1e-4)
    assert torch.equal(labels, frame[..., 3])


def test_flip_mirrors():
    frame = torch.randint(0, 256, (32, 32, 4), dtype=torch.uint8)
    _, labels = cut(frame, place((32, 32), (16, 16), 1.0, True), 32)
    assert torch.equal(labels, frame[..., 3].flip(1))


def test_zoom_magnifies_about_the_anchor():
    frame = frame_with_box()
    _, near = cut(frame, place((60, 90), (45, 30), 2.0, False), 64)
    _, far = cut(frame, place((60, 90), (45, 30), 1.0, False), 64)
    assert 3.7 < near.sum() / far.sum() < 4.3
    assert near[32, 32] == 1


def test_mask_follows_the_image_under_any_warp():
    rng = np.random.default_rng(0)
    motion = WarpRange(rotation=40, shear=20, scale=(0.7, 1.4), shift=0.2)
    for _ in range(20):
        matrix = motion.draw(rng) @ place((60, 90), (45, 30), 1.2, rng.random() < 0.5)
        image, labels = cut(frame_with_box(), matrix, 64)
        red = image[0] > image[1] + 0.1
        assert (red == (labels == 1)).float().mean() > 0.99
        assert set(labels.unique().tolist()) <= {0, 1}


def test_outside_of_the_frame_is_mean_colour_and_background():
    image, labels = cut(frame_with_box(), place((60, 90), (-1000, -1000), 1.0, False), 16)
    colour = torch.tensor(MEAN_COLOUR).view(3, 1, 1).expand(-1, 16, 16)
    assert torch.allclose(image, colour, atol=0.5 / 255)
    assert labels.max() == 0


def test_jitter_changes_colours_a_little_and_stays_in_range():
    images = torch.rand(3, 3, 16, 16)
    strong, none = (
        torch.from_numpy(draw_jitter(strength, 3, np.random.default_rng(0)))
        for strength in (0.2, 0.0)
    )
    out = jitter_colours(images, strong)
    assert not torch.equal(out, images)
    assert (out - images).abs().mean() < 0.2
    assert out.min() >= 0
    assert out.max() <= 1
    assert torch.allclose(jitter_colours(images, none), images, atol=1e-6)


def test_what_shrinks_is_averaged_like_the_pictures_at_inference():
    """White noise: a fourth of the size leaves about a fourth of the contrast."""
    noise = torch.randint(0, 2, (256, 256, 4), dtype=torch.uint8) * 255
    small, _ = cut(noise, place((256, 256), (128, 128), 1.0, False), 64)
    assert small.std() < 0.2
    assert cut(noise, place((256, 256), (128, 128), 1.0, False), 256)[0].std() > 0.45


def test_frames_of_any_size_are_cut_together_as_if_alone():
    """An oracle: PyTorch's own grid_sample of each frame by itself."""
    rng = np.random.default_rng(0)
    sizes = [(60, 90), (41, 33), (200, 150)]
    frames = [torch.randint(0, 256, (*size, 4), dtype=torch.uint8) for size in sizes]
    motion = WarpRange(rotation=40, shear=20, scale=(0.9, 1.4), shift=0.3)
    matrices = [motion.draw(rng) @ place(size, (20, 20), 2.0, False) for size in sizes]
    store = stored(*frames)
    images, labels = warp([Cut(store, n, m, None) for n, m in enumerate(matrices)], 128)
    mean = torch.tensor(MEAN_COLOUR).view(1, 3, 1, 1)
    for frame, matrix, image, label in zip(frames, matrices, images, labels, strict=True):
        height, width = frame.shape[:2]
        to_source = np.array([[2 / width, 0, -1], [0, 2 / height, -1], [0, 0, 1]])
        theta = to_source @ np.linalg.inv(matrix) @ np.diag([0.5, 0.5, 1.0])
        grid = functional.affine_grid(
            torch.from_numpy(theta[None, :2]).float(), [1, 4, 128, 128], align_corners=False
        )
        planes = frame.permute(2, 0, 1)[None].float()
        expected = functional.grid_sample(planes[:, :3] / 255 - mean, grid, align_corners=False)
        assert torch.allclose(image, (expected + mean)[0], atol=4e-3)
        ids = functional.grid_sample(planes[:, 3:], grid, mode="nearest", align_corners=False)
        assert (label == ids[0, 0]).float().mean() > 0.999


def test_a_region_takes_the_place_of_the_labels_and_moves_with_its_picture():
    region = np.zeros((96, 96), bool)
    region[32:64, 32:64] = True  # where the box is: rows 20 to 40 of 60, columns 30 to 60 of 90
    frame = frame_with_box()
    frame[..., 3] = 7
    rng = np.random.default_rng(1)
    motion = WarpRange(rotation=40, shear=20, scale=(0.7, 1.4), shift=0.2)
    for _ in range(10):
        matrix = motion.draw(rng) @ place((60, 90), (45, 30), 1.2, rng.random() < 0.5)
        images, labels = warp([Cut(stored(frame), 0, matrix, region)], 64)
        red = images[0, 0] > images[0, 1] + 0.1
        assert (red == (labels[0] == 1)).float().mean() > 0.99
        assert set(labels.unique().tolist()) <= {0, 1}


def test_regions_are_whole_smooth_and_of_all_sizes():
    regions = [draw_region(np.random.default_rng(seed)) for seed in range(200)]
    areas = [region.mean() for region in regions]
    assert min(areas) < 0.02
    assert 0.15 < max(areas) < 0.6
    for region in regions:
        assert cv2.connectedComponents(region.astype(np.uint8))[0] == 2
        outline = (region[:, 1:] != region[:, :-1]).sum() + (region[1:] != region[:-1]).sum()
        assert outline < 12 * np.sqrt(region.sum()) + 8  # a disc has 4.5 times the root of its area
