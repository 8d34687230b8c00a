"""Checkpoints: our own, STM's, and everything else that calls itself one."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kmn_cli.errors import WeightsError
from kmn_cli.model import KMN, KMNConfig, load_checkpoint, read_config, save_checkpoint


@pytest.fixture
def tiny() -> KMN:
    torch.manual_seed(3)
    return KMN(KMNConfig.tiny())


@pytest.fixture(scope="session")
def stm_state() -> dict[str, torch.Tensor]:
    """Random tensors under exactly the names and shapes of STM_weights.pth."""
    generator = torch.Generator().manual_seed(7)
    state = {}
    for line in Path(__file__).with_name("stm_checkpoint_keys.tsv").read_text().splitlines():
        name, shape = line.split("\t")
        sizes = [] if shape == "scalar" else [int(n) for n in shape.split("x")]
        state[name] = torch.rand(sizes, generator=generator) if sizes else torch.tensor(5)
    return state


def test_round_trip(tiny, tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, tiny, {"training": "none"})
    loaded = load_checkpoint(path)
    assert loaded.model.config == tiny.config
    assert loaded.metadata == {"training": "none"}
    assert loaded.name == "a"
    assert not loaded.model.training
    for name, tensor in tiny.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor)
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_the_config_alone_is_that_of_the_network(tmp_path, stm_state):
    config = replace(KMNConfig.tiny(), size=320, sigma=3.5)
    save_checkpoint(tmp_path / "a.safetensors", KMN(config))
    assert read_config(tmp_path / "a.safetensors") == config
    torch.save(stm_state, tmp_path / "a.pth")
    assert read_config(tmp_path / "a.pth") == load_checkpoint(tmp_path / "a.pth").model.config
    with pytest.raises(WeightsError, match="no such weights file"):
        read_config(tmp_path / "b.pth")


def test_half_precision_storage_is_loaded_as_float32(tiny, tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, tiny, dtype=torch.float16)
    loaded = load_checkpoint(path).model
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    for name, tensor in tiny.state_dict().items():
        assert torch.allclose(loaded.state_dict()[name], tensor, rtol=1e-3, atol=1e-4)


def test_stm_checkpoint_gives_the_same_network(stm_state, tmp_path):
    """Every tensor arrives, each exactly once, under the name that plays its part."""
    path = tmp_path / "STM_weights.pth"
    torch.save({"state_dict": stm_state}, path)
    model = load_checkpoint(path).model
    ours = model.state_dict()
    assert len(ours) == len(stm_state)
    # Values are random, so a tensor's sum identifies it.
    sums = sorted(float(t.double().sum()) for t in stm_state.values())
    assert sorted(float(t.double().sum()) for t in ours.values()) == pytest.approx(sums)
    parts = {
        "memory_encoder.conv_others.weight": "Encoder_M.conv1_o.weight",
        "query_encoder.normalize.mean": "Encoder_Q.mean",
        "query_encoder.trunk.layer3.5.conv2.weight": "Encoder_Q.res4.5.conv2.weight",
        "memory_encoder.trunk.bn1.running_var": "Encoder_M.bn1.running_var",
        "query_head.key.bias": "KV_Q_r4.Key.bias",
        "memory_head.value.weight": "KV_M_r4.Value.weight",
        "decoder.conv_in.weight": "Decoder.convFM.weight",
        "decoder.refine3.res_skip.conv2.weight": "Decoder.RF3.ResFS.conv2.weight",
        "decoder.refine2.res_out.conv1.bias": "Decoder.RF2.ResMM.conv1.bias",
        "decoder.predict.weight": "Decoder.pred2.weight",
    }
    for name, theirs in parts.items():
        assert torch.equal(ours[name], stm_state[f"module.{theirs}"]), name


def test_stm_checkpoint_without_counters_loads(stm_state, tmp_path):
    state = {k: v for k, v in stm_state.items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "a.pth")
    assert load_checkpoint(tmp_path / "a.pth").model.config.trunk == "resnet50"


def test_wrong_missing_and_extra_names_are_named(stm_state, tmp_path):
    state = dict(stm_state)
    del state["module.KV_M_r4.Key.bias"]
    state["module.Encoder_X.conv9.weight"] = torch.zeros(1)
    state["module.Decoder.pred2.weight"] = torch.zeros(3, 256, 3, 3)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError) as caught:
        load_checkpoint(tmp_path / "a.pth")
    text = str(caught.value)
    assert "missing: memory_head.key.bias" in text
    assert "Encoder_X.conv9.weight" in text
    assert "decoder.predict.weight (3, 256, 3, 3) instead of (2, 256, 3, 3)" in text
    assert caught.value.exit_code == 4


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_pickled_code_is_refused_and_not_run(tmp_path):
    proof = tmp_path / "ran"
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": _Touch(proof)}, path)
    with pytest.raises(WeightsError, match="holds code"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(_Touch(proof)))
    with pytest.raises(WeightsError):
        load_checkpoint(path)
    assert not proof.exists()


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 200], ids=["empty", "text", "bytes"])
def test_damaged_files(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        load_checkpoint(tmp_path / name)


def test_truncated_file(tiny, tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, tiny)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="damaged"):
        load_checkpoint(path)


def test_foreign_safetensors(tiny, tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="does not describe its network"):
        load_checkpoint(path)
    save_checkpoint(path, tiny)
    for bad in ("{", '{"width": 0}', '{"blocks": 3}', "[]", '{"size": "a"}', '{"sigma": 0}'):
        save_file(load_file(path), path, {"kmn_config": bad})
        for reader in (load_checkpoint, read_config):
            with pytest.raises(WeightsError, match="description"):
                reader(path)
    save_file(
        load_file(path), path, {"kmn_config": json.dumps(KMNConfig.tiny("resnet50").to_dict())}
    )
    with pytest.raises(WeightsError, match="missing"):
        load_checkpoint(path)


def test_missing_file_lists_the_shipped_ones(tmp_path):
    with pytest.raises(WeightsError, match="no such weights file"):
        load_checkpoint(tmp_path / "nothing.safetensors")
