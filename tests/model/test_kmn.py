"""The network: shapes, what objects share, and what they do not."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import resnet

from kmn_cli.model import KMN, KMNConfig
from kmn_cli.model.decoder import soft_aggregate
from kmn_cli.model.memory_read import read_plain
from kmn_cli.model.trunk import ResNetV1


@pytest.fixture(params=["resnet50", "resnet50v2"])
def model(request) -> KMN:
    torch.manual_seed(1)
    return KMN(KMNConfig.tiny(request.param)).eval()


def segment(model: KMN, frame: torch.Tensor, key: torch.Tensor, value: torch.Tensor):
    query = model.encode_query(frame)
    readout = read_plain(query.key[0], key[0], value[0], None)
    return model.decode(readout[None], query.skips)


def test_shapes(model):
    frame = torch.rand(1, 3, 64, 96)
    masks = torch.rand(1, 2, 64, 96)
    key, value = model.memorize(frame, masks)
    assert key.shape == (1, 2, 4 * 6, 16)
    assert value.shape == (1, 2, 4 * 6, 32)
    assert segment(model, frame, key, value).shape == (1, 3, 64, 96)


def test_paper_sizes():
    """Figure 2 and STM: 38,986,852 values in the checkpoint, batch norm counters not counted."""
    with torch.device("meta"):
        model = KMN(KMNConfig(trunk="resnet50"))
    state = {k: v for k, v in model.state_dict().items() if not k.endswith("batches_tracked")}
    counters = sum(k.endswith("batches_tracked") for k in model.state_dict())
    assert sum(v.numel() for v in state.values()) + counters == 38_986_852


def test_objects_see_each_other_only_as_others(model):
    """Swapping two objects swaps their memories; a lone object differs from one with company."""
    frame = torch.rand(1, 3, 32, 32)
    masks = torch.zeros(1, 2, 32, 32)
    masks[0, 0, :16], masks[0, 1, 16:] = 1, 1
    _, both = model.memorize(frame, masks)
    _, swapped = model.memorize(frame, masks.flip(1))
    _, alone = model.memorize(frame, masks[:, :1])
    assert torch.allclose(both, swapped.flip(1), atol=1e-5)
    assert not torch.allclose(both[:, :1], alone, atol=1e-3)


def test_objects_may_pass_the_network_in_parts(model):
    frame, masks = torch.rand(1, 3, 32, 48), torch.rand(1, 3, 32, 48)
    together = model.memorize(frame, masks)
    for whole, parts in zip(together, model.memorize(frame, masks, at_once=2), strict=True):
        assert torch.allclose(whole, parts, atol=1e-5)
    skips, readout = model.encode_query(frame).skips, torch.randn(1, 3, 32, 2, 3)
    whole, parts = model.decode(readout, skips), model.decode(readout, skips, at_once=2)
    assert torch.allclose(whole, parts, atol=1e-4)


def test_decoder_shares_equal_concatenation(model):
    """Sharing the query's half of the first convolution changes nothing."""
    decoder, value = model.decoder, torch.randn(1, 32, 4, 4)
    readout = torch.randn(2, 32, 4, 4)
    r3, r2 = torch.randn(1, 64, 8, 8), torch.randn(1, 32, 16, 16)
    together = torch.cat([readout, value.expand(2, -1, -1, -1)], 1)
    x = decoder.res_in(decoder.conv_in(together))
    x = decoder.refine3(decoder.refine3.skip(r3), x)
    x = decoder.refine2(decoder.refine2.skip(r2), x)
    two = nn.functional.interpolate(decoder.predict(torch.relu(x)), scale_factor=4, mode="bilinear")
    shared = decoder(readout, decoder.skips(value, r3, r2))
    assert torch.allclose(two.softmax(1)[:, 1], shared.sigmoid(), atol=1e-6)


def test_soft_aggregation_is_stms():
    prob = torch.rand(1, 3, 4, 4)
    prob[0, 0, 0, 0] = 1.0
    background = (1 - prob).prod(1, keepdim=True)
    p = torch.cat([background, prob], 1).clamp(1e-7, 1 - 1e-7)
    expected = (p / (1 - p)).log().softmax(1)
    assert torch.allclose(soft_aggregate(prob).softmax(1), expected, atol=1e-6)
    assert soft_aggregate(prob).isfinite().all()


def test_batch_norms_stay_frozen_in_training(model):
    before = {k: v.clone() for k, v in model.state_dict().items() if "running" in k}
    model.train()
    model(torch.rand(1, 3, 3, 32, 32), torch.ones(1, 1, 32, 32), torch.ones(1, 1).bool())
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in before.items())


def test_training_clip_is_a_dynamic_memory(model):
    """Frame 2 is read from 1, frame 3 from 1 and the answer for 2."""
    frames = torch.rand(2, 3, 3, 32, 48)
    masks = (torch.rand(2, 2, 32, 48) > 0.5).float()
    logits = model(frames, masks, torch.ones(2, 2).bool())
    assert logits.shape == (2, 2, 3, 32, 48)
    for sample in range(2):
        one = slice(sample, sample + 1)
        key1, value1 = model.memorize(frames[one, 0], masks[one])
        second = segment(model, frames[one, 1], key1, value1)
        key2, value2 = model.memorize(frames[one, 1], second.softmax(1)[:, 1:])
        keys, values = torch.cat([key1, key2], 2), torch.cat([value1, value2], 2)
        third = segment(model, frames[one, 2], keys, values)
        assert torch.allclose(logits[one, 0], second, atol=1e-4)
        assert torch.allclose(logits[one, 1], third, atol=1e-4)


def test_absent_objects_change_nothing(model):
    frames, masks = torch.rand(1, 3, 3, 32, 32), torch.zeros(1, 2, 32, 32)
    masks[0, 0, 8:24, 8:24] = 1
    alone = model(frames, masks[:, :1], torch.tensor([[True]]))
    padded = model(frames, masks, torch.tensor([[True, False]]))
    assert torch.allclose(padded.softmax(2)[:, :, :2], alone.softmax(2), atol=1e-5)
    assert (padded[:, :, 2] == -torch.inf).all()


def test_config_says_what_is_wrong():
    with pytest.raises(ValueError, match="colour"):
        KMNConfig.from_dict({"colour": 3})
    with pytest.raises(ValueError, match="whole numbers"):
        KMNConfig.from_dict({"width": -4})
    assert KMNConfig.from_dict(KMNConfig.tiny().to_dict()) == KMNConfig.tiny()


def test_the_first_trunk_is_that_of_torchvision() -> None:
    torch.manual_seed(0)
    published = resnet.ResNet(resnet.Bottleneck, [2, 2, 1, 1]).eval()
    trunk = ResNetV1(64, (2, 2, 1)).eval()
    names = trunk.load_state_dict(published.state_dict(), strict=False)
    assert not names.missing_keys
    picture = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        x = published.maxpool(published.relu(published.bn1(published.conv1(picture))))
        expected = published.layer3(published.layer2(published.layer1(x)))
        assert torch.allclose(trunk.stages(trunk.stem(picture)).r4, expected, atol=1e-5)
