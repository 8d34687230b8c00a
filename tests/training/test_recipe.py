"""Recipes: presets, files, flags, and the paper's numbers."""

from __future__ import annotations

import math

import pytest
import torch

from kmn_cli.errors import UsageError
from kmn_cli.model import KMN, KMNConfig
from kmn_cli.training.optimizer import build_optimizer, set_rates
from kmn_cli.training.recipe import Recipe


@pytest.mark.parametrize("stage", ["pretrain", "main"])
def test_paper_preset_is_the_paper(stage):
    """Section 5.1."""
    recipe = Recipe.resolve("paper", stage, None, {})
    assert (recipe.crop, recipe.batch, recipe.learning_rate) == (384, 4, 1e-5)
    assert (recipe.trunk_rate, recipe.schedule, recipe.weight_decay) == (1e-5, "constant", 0)
    assert (recipe.hide_grid, recipe.max_interval) == (24, 25)
    assert recipe.hide_probability == (0.5 if stage == "pretrain" else 0)  # section 4: stills only
    assert (recipe.match_start, recipe.mask_gain, recipe.decoder_dim) == (0, 1, 256)
    assert (recipe.region, recipe.same_frame) == (0, 0)
    assert (recipe.iou_weight, recipe.average, recipe.freeze) == (0, 0, 0)
    optimizer = build_optimizer(KMN(KMNConfig.tiny()), recipe)
    assert type(optimizer) is torch.optim.Adam
    assert {recipe.rate_factor(step / 100) for step in range(100)} == {1.0}


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_interval_grows_from_0_to_25(progress):
    settings = Recipe.resolve("paper", "main", None, {}).clip_settings(progress)
    assert settings.max_skip == round(25 * progress)


def test_flags_win_over_the_file_and_the_file_over_the_preset(tmp_path):
    config = tmp_path / "run.toml"
    config.write_text("crop = 320\nbatch = 2\nhide_first = false\n")
    recipe = Recipe.resolve("paper", "pretrain", config, {"batch": "6"})
    assert (recipe.crop, recipe.batch, recipe.hide_first) == (320, 6, False)


def test_recipe_round_trips_through_its_file(tmp_path):
    recipe = Recipe.resolve("fast", "main", None, {"hide_fill": "black", "seed": 3})
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml())
    assert Recipe.resolve("paper", "main", path, {}) == recipe


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("colour", 1),
        ("crop", 100),
        ("crop", "large"),
        ("batch", 2.5),
        ("batch", 0),
        ("hide_first", "perhaps"),
        ("schedule", "linear"),
        ("hide_probability", 1.5),
        ("freeze", 9),
        ("average", 200),
        ("warmup", 100),
        ("region", -0.1),
        ("zoom_min", 3),
        ("learning_rate", "nan"),
        ("weight_decay", "inf"),
        ("scale_max", float("inf")),
        ("interval_ramp", "nan"),
        ("trunk_rate", -1),
        ("max_interval", -1),
    ],
)
def test_impossible_settings_are_named(name, value):
    with pytest.raises(UsageError, match=name) as caught:
        Recipe.resolve("paper", "pretrain", None, {name: value})
    assert caught.value.exit_code == 2


def test_unreadable_config(tmp_path):
    (tmp_path / "a.toml").write_text("crop = = 3")
    for path in (tmp_path / "a.toml", tmp_path / "none.toml"):
        with pytest.raises(UsageError, match=path.name):
            Recipe.resolve("paper", "main", path, {})
    with pytest.raises(UsageError, match="Unknown preset"):
        Recipe.resolve("quick", "main", None, {})


def test_cosine_and_warm_up():
    recipe = Recipe.resolve("paper", "main", None, {"schedule": "cosine", "warmup": 0.2})
    assert recipe.rate_factor(0.0) == pytest.approx(0.1)
    assert recipe.rate_factor(0.5) == pytest.approx(0.5)
    assert recipe.rate_factor(1.0) == pytest.approx(0.0)
    model = KMN(KMNConfig.tiny())
    optimizer = build_optimizer(model, recipe)
    set_rates(optimizer, 0.5)
    set_rates(optimizer, 0.5)
    assert {group["lr"] for group in optimizer.param_groups} == {5e-6}


def test_video_motion_is_a_share_of_the_stills():
    recipe = Recipe.resolve("paper", "main", None, {"video_motion": 0.5})
    video = recipe.motion(video=True)
    assert video.rotation == 15
    assert math.prod(video.scale) == pytest.approx(math.sqrt(0.8 * 1.1))
    assert Recipe.resolve("paper", "main", None, {}).motion(video=True).scale == (1, 1)


def test_a_recipe_of_the_other_stage_is_refused(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(Recipe.resolve("fast", "pretrain", None, {}).to_toml())
    with pytest.raises(UsageError, match="stage pretrain, not main"):
        Recipe.resolve("fast", "main", path, {})
