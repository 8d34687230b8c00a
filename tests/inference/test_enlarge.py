"""Labels at the video's size, against interpolating every pixel."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import interpolate

from kmn_cli.inference import enlarge


def smooth(channels: int, height: int, width: int) -> torch.Tensor:
    """Probabilities with regions that are many pixels wide."""
    torch.manual_seed(channels * height)
    coarse = torch.randn(1, channels, max(1, height // 8), max(1, width // 8)) * 4
    return interpolate(coarse, (height, width), mode="bicubic")[0].softmax(0)


@pytest.mark.parametrize("channels", [1, 2, 5, 256])
@pytest.mark.parametrize(
    ("coarse", "fine"),
    [
        ((40, 71), (135, 240)),
        ((40, 71), (40, 72)),
        ((33, 50), (34, 151)),
        ((1, 1), (7, 5)),
        ((1, 9), (20, 9)),
        ((30, 54), (30, 54)),
    ],
)
def test_as_if_every_pixel_were_interpolated(
    channels: int,
    coarse: tuple[int, int],
    fine: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(enlarge, "VALUES_AT_ONCE", 2**16)  # some in every pass, not all
    ids = range(channels - 1, -1, -1)
    for prob in (smooth(channels, *coarse), torch.rand(channels, *coarse)):
        found = enlarge.enlarged_labels(prob, ids, *fine)
        dense = interpolate(prob[None], fine, mode="bilinear", align_corners=False)[0]
        expected = torch.tensor(ids, dtype=torch.uint8)[dense.argmax(0)]
        differ = found != expected
        assert found.shape == fine and found.dtype == torch.uint8
        if channels > 1:  # rounding may turn what is as good as a draw
            two = dense.topk(2, 0).values
            assert (two[0] - two[1])[differ].le(1e-5).all()
        assert differ.float().mean() < 1e-3
