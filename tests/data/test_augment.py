"""Warps: image and mask move together, and nowhere else."""

from __future__ import annotations

import numpy as np
import torch

from kmn_cli.data.augment import MEAN_COLOUR, WarpRange, jitter_colours, place, warp


def frame_with_box(height: int = 60, width: int = 90) -> torch.Tensor:
    """A red box on green whose mask is exactly the red pixels."""
    frame = torch.zeros(height, width, 4, dtype=torch.uint8)
    frame[..., 1] = 200
    frame[20:40, 30:60] = torch.tensor([250, 0, 0, 1], dtype=torch.uint8)
    return frame


def test_unit_placement_copies_the_frame():
    frame = torch.randint(0, 256, (32, 32, 4), dtype=torch.uint8)
    out = warp(frame, place((32, 32), (16, 16), 1.0, False), 32)
    assert torch.allclose(out[:3], frame[..., :3].permute(2, 0, 1) / 255, atol=1e-4)
    assert torch.equal(out[3], frame[..., 3].float())


def test_flip_mirrors():
    frame = torch.randint(0, 256, (32, 32, 4), dtype=torch.uint8)
    out = warp(frame, place((32, 32), (16, 16), 1.0, True), 32)
    assert torch.equal(out[3], frame[..., 3].float().flip(1))


def test_zoom_magnifies_about_the_anchor():
    frame = frame_with_box()
    near = warp(frame, place((60, 90), (45, 30), 2.0, False), 64)
    far = warp(frame, place((60, 90), (45, 30), 1.0, False), 64)
    assert 3.7 < near[3].sum() / far[3].sum() < 4.3
    assert near[3, 32, 32] == 1


def test_mask_follows_the_image_under_any_warp():
    rng = np.random.default_rng(0)
    motion = WarpRange(rotation=40, shear=20, scale=(0.7, 1.4), shift=0.2)
    for _ in range(20):
        matrix = motion.draw(rng) @ place((60, 90), (45, 30), 1.2, rng.random() < 0.5)
        out = warp(frame_with_box(), matrix, 64)
        red = out[0] > out[1] + 0.1
        assert (red == (out[3] == 1)).float().mean() > 0.99
        assert set(out[3].unique().tolist()) <= {0.0, 1.0}


def test_outside_of_the_frame_is_mean_colour_and_background():
    out = warp(frame_with_box(), place((60, 90), (-1000, -1000), 1.0, False), 16)
    assert torch.allclose(out[:3], torch.tensor(MEAN_COLOUR).view(3, 1, 1).expand(-1, 16, 16))
    assert out[3].max() == 0


def test_jitter_changes_colours_a_little_and_stays_in_range():
    images = torch.rand(3, 3, 16, 16)
    out = jitter_colours(images, 0.2, np.random.default_rng(0))
    assert not torch.equal(out, images)
    assert (out - images).abs().mean() < 0.2
    assert out.min() >= 0
    assert out.max() <= 1
    assert torch.allclose(jitter_colours(images, 0.0, np.random.default_rng(0)), images, atol=1e-6)


def test_what_shrinks_is_averaged_like_the_pictures_at_inference():
    """White noise: a fourth of the size leaves about a fourth of the contrast."""
    noise = torch.randint(0, 2, (256, 256, 4), dtype=torch.uint8) * 255
    small = warp(noise, place((256, 256), (128, 128), 1.0, False), 64)[:3]
    assert small.std() < 0.2
    assert warp(noise, place((256, 256), (128, 128), 1.0, False), 256)[:3].std() > 0.45
