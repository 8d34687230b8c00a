"""From the video's size to the network's and back."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from kmn_cli.inference.frame_size import FrameSize


@pytest.mark.parametrize("y", range(0, 7, 2))
@pytest.mark.parametrize("x", range(0, 7, 2))
def test_no_object_is_too_small_to_leave_a_trace(y, x):
    mask = torch.zeros(1080, 1920, dtype=torch.bool)
    mask[500 + y : 502 + y, 700 + x : 702 + x] = True
    net = FrameSize.for_short_side(1080, 1920, 320).mask_to_net(mask)
    assert net.max() > 0.05
    assert net.sum() == pytest.approx(4 * (320 / 1080) ** 2, rel=0.05)  # its area


def test_small_frames_are_enlarged_as_far_as_they_may():
    sizes = [
        FrameSize.for_short_side(*size, 480, 2) for size in ((240, 320), (320, 480), (90, 120))
    ]
    assert [(s.net_height, s.net_width) for s in sizes] == [(480, 640), (480, 720), (180, 240)]


@pytest.mark.parametrize("size", [(480, 854), (37, 53), (1, 1), (720, 1280)])
@pytest.mark.parametrize("short_side", [0, 240, 480])
@pytest.mark.parametrize("enlarge", [1.0, 2.0])
def test_frame_size_goes_there_and_back(size, short_side, enlarge):
    frame = FrameSize.for_short_side(*size, short_side, enlarge)
    image = frame.image_to_net(torch.full((*size, 3), 255, dtype=torch.uint8))
    assert image.shape[2] % 16 == 0
    assert image.shape[3] % 16 == 0
    if short_side:
        assert min(frame.net_height, frame.net_width) <= max(short_side, min(size))
    assert min(frame.net_height, frame.net_width) <= enlarge * min(size)
    labels = torch.zeros(size, dtype=torch.uint8)
    labels[: size[0] // 2 + 1] = 5
    net = frame.mask_to_net(labels == 5)
    assert net.shape == image.shape[2:]
    back = frame.labels_from_net(torch.stack([1 - net, net]), (0, 5))
    assert (back == labels).float().mean() > 0.95


def test_padding_is_stms():
    """854x480 becomes 864x480, five black columns on either side."""
    frame = FrameSize.for_short_side(480, 854, 480)
    assert frame.padding == (5, 5, 0, 0)
    assert FrameSize.for_short_side(45, 64, 0).padding == (0, 0, 1, 2)
    image = frame.image_to_net(torch.full((480, 854, 3), 255, dtype=torch.uint8))
    assert image[..., :5].max() == 0
    assert image[..., 5:-5].min() == 1


@pytest.mark.parametrize(
    ("video", "short_side"), [((135, 240), 40), ((37, 53), 48), ((50, 31), 20)]
)
def test_probabilities_are_interpolated_as_torch_does(video, short_side):
    frame = FrameSize.for_short_side(*video, short_side, 2)
    left, right, top, bottom = frame.padding
    inside = torch.rand(3, frame.net_height, frame.net_width)
    padded = functional.pad(inside, (left, right, top, bottom))
    expected = functional.interpolate(inside[None], video, mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(frame.prob_from_net(padded), expected, rtol=0, atol=1e-5)
    soft = frame.soft_from_net(padded)
    assert soft.dtype == torch.uint8
    assert (soft.float() - 255 * expected).abs().max() <= 0.5 + 1e-2
