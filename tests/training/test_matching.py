"""A new network that can match before it has learned anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_data import draw_disc
from PIL import Image
from torch import Tensor
from torch.nn import functional

from kmn_cli.data.clips import draw_batch
from kmn_cli.data.scan import scan_stills
from kmn_cli.data.scene import Source
from kmn_cli.data.store import build_store
from kmn_cli.errors import UsageError, WeightsError
from kmn_cli.model import KMN, KMNConfig
from kmn_cli.training.matching import frames_for_matching, match_from_start
from kmn_cli.training.recipe import Recipe
from kmn_cli.training.start import Start, _new_network, start_network

CPU = torch.device("cpu")


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Pictures of one striped disc on a chequered ground: a task for a trunk of random filters."""
    root = tmp_path / "stripes"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    y, x = np.mgrid[:128, :160]
    for n in range(6):
        mask = draw_disc((128, 160), (50 + 5 * n, 60 + 8 * n), 26 + 2 * n)
        picture = np.where(mask, 255 * (x // 2 % 2), 90 + 60 * ((x // 8 + y // 8) % 2))
        Image.fromarray(np.dstack([picture] * 3).astype(np.uint8)).save(root / f"images/{n}.png")
        Image.fromarray(mask).save(root / f"masks/{n}.png")
    store = build_store(scan_stills(root), tmp_path / "cache", 480)
    return Source(store, 1, recipe().motion(video=False))


def recipe(**changes: object) -> Recipe:
    settings = {"crop": 128, "batch": 2, "paste": 0, "region": 0, "freeze": 0, "zoom_min": 1.0}
    return Recipe.resolve("fast", "pretrain", None, settings | changes)


def read_iou(model: KMN, source: Source) -> float:
    """Soft IoU at stride 16 of the first mask as the second frame reads it by its keys."""
    batch = draw_batch([source], recipe().clip_settings(0), 7, 0, range(12))
    masks = (batch.labels[:, :2] == 1).float()
    with torch.no_grad():
        key, _ = model.memorize(batch.frames[:, 0], masks[:, :1])
        query = model.encode_query(batch.frames[:, 1]).key.flatten(2)
    weights = (key[:, 0] @ query / query.shape[1] ** 0.5).softmax(1)  # (B, memory, query)
    first, second = functional.avg_pool2d(masks, 16).flatten(2).unbind(1)
    read: Tensor = (first[:, None] @ weights)[:, 0]
    return float(torch.minimum(read, second).sum() / torch.maximum(read, second).sum())


def test_a_fresh_network_finds_the_object_better_than_one_with_random_heads(source):
    torch.manual_seed(0)
    model = KMN(KMNConfig.tiny()).train()
    random = read_iou(model, source)
    match_from_start(model, frames_for_matching([source], recipe()), 30, 0.2)
    assert read_iou(model, source) > random + 0.15


def test_both_heads_are_one_projection_of_a_known_strength(source):
    torch.manual_seed(0)
    model = KMN(KMNConfig.tiny()).train()
    marks = model.memory_encoder.conv_mask.weight.clone()
    frames = list(frames_for_matching([source], recipe()))
    match_from_start(model, frames, 30, 0.2)
    query, memory = model.query_head.key, model.memory_head.key
    assert torch.equal(query.weight, memory.weight)
    assert torch.equal(query.bias, memory.bias)
    assert [bool(tap.any()) for tap in query.weight.flatten(2).unbind(2)] == [
        n == 4 for n in range(9)
    ]
    assert torch.allclose(model.memory_encoder.conv_mask.weight, 0.2 * marks)
    with torch.no_grad():
        keys = torch.cat([model.encode_query(batch).key for batch in frames])
    keys = keys.permute(0, 2, 3, 1).flatten(0, 2)
    assert keys.mean(0).abs().max() < 0.05 * keys.std()
    assert float(keys.square().sum(1).mean()) / 16**0.5 == pytest.approx(30, rel=0.05)


def test_a_random_trunk_is_not_frozen(source):
    start = Start(trunk="resnet50v2")
    with pytest.raises(UsageError, match="random resnet50v2") as caught:
        start_network(start, recipe(freeze=2), [source], CPU)
    assert "--trunk-weights" in str(caught.value.hint)


def test_a_new_resnet50_starts_from_imagenet(source, monkeypatch):
    """That no weights were named shall not mean that nothing was learned."""

    def no_internet(*_: object, **__: object) -> None:
        raise OSError("no internet")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", no_internet)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_internet)
    with pytest.raises(WeightsError, match="ImageNet weights cannot be downloaded"):
        start_network(Start(), recipe(freeze=2), [source], CPU)


def test_what_a_trunk_has_learned_comes_from_a_file_for_both_encoders(tmp_path):
    torch.manual_seed(3)
    config = KMNConfig.tiny()
    taught = KMN(config).query_encoder.trunk.state_dict()
    torch.save(taught, tmp_path / "trunk.pth")
    model = _new_network(config, str(tmp_path / "trunk.pth"), recipe(freeze=2))
    for encoder in (model.query_encoder, model.memory_encoder):
        assert all(torch.equal(encoder.trunk.state_dict()[k], v) for k, v in taught.items())


def test_the_paper_starts_from_random_heads():
    assert Recipe.resolve("paper", "pretrain", None, {}).match_start == 0
