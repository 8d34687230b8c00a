"""Hide-and-Seek: how much, where, and what it leaves in the ground truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kmn_cli.data.augment import MEAN_COLOUR
from kmn_cli.data.hide_and_seek import hidden_cells, hide
from kmn_cli.training.recipe import Recipe


@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
def test_hidden_share_follows_the_ramp_from_0_to_half(progress):
    settings = Recipe.resolve("paper", "pretrain", None, {}).clip_settings(progress)
    cells = hidden_cells(np.random.default_rng(0), 300, 24, settings.hide_probability, True)
    assert cells.mean() == pytest.approx(0.5 * progress, abs=0.01)


def test_main_stage_hides_nothing():
    assert Recipe.resolve("paper", "main", None, {}).clip_settings(1.0).hide_probability == 0


def test_frames_hide_independently_or_alike():
    rng = np.random.default_rng(0)
    apart = hidden_cells(rng, 3, 24, 0.5, independent=True)
    alike = hidden_cells(rng, 3, 24, 0.5, independent=False)
    assert (apart[0] != apart[1]).any()
    assert (alike[0] == alike[1]).all()
    assert (alike[0] == alike[2]).all()


@pytest.mark.parametrize("fill", ["mean", "black"])
def test_hidden_cells_are_plain_and_background(fill):
    images, labels = torch.rand(1, 3, 48, 48), torch.ones(1, 48, 48, dtype=torch.long)
    hidden = torch.zeros(1, 24, 24, dtype=torch.bool)
    hidden[0, 3, 5] = hidden[0, 23, 23] = True
    shown, truth = hide(images, labels, hidden, fill)
    cell = (slice(6, 8), slice(10, 12))
    colour = MEAN_COLOUR if fill == "mean" else (0.0, 0.0, 0.0)
    assert torch.allclose(shown[0, :, *cell], torch.tensor(colour).view(3, 1, 1).expand(-1, 2, 2))
    assert truth[0, *cell].sum() == 0
    assert (truth == 0).sum() == 8
    untouched = truth[0] == 1
    assert torch.equal(shown[0][:, untouched], images[0][:, untouched])
    assert labels.min() == 1  # the caller's tensor is left alone


def test_cells_are_16_pixels_at_384():
    labels = torch.ones(1, 384, 384, dtype=torch.long)
    hidden = torch.zeros(1, 24, 24, dtype=torch.bool)
    hidden[0, 1, 2] = True
    _, truth = hide(torch.rand(1, 3, 384, 384), labels, hidden, "mean")
    rows, columns = torch.nonzero(truth[0] == 0, as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (16, 31, 32, 47)
