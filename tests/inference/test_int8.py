"""The network in parts, and those in 8-bit integers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from kmn_cli.errors import UsageError
from kmn_cli.inference import quantize
from kmn_cli.inference.network import Network
from kmn_cli.inference.parts import PARTS, PartwiseNetwork
from kmn_cli.inference.ready import choose_precision, ready_for_inference
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.model import KMN, KMNConfig, fold_batch_norms, save_checkpoint

CPU = torch.device("cpu")
SMALL = replace(KMNConfig.tiny(), size=96)
needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None,
    reason="OpenVINO is not installed: pip install 'kmn[int8]'",
)


@pytest.fixture(scope="module")
def model() -> KMN:
    torch.manual_seed(0)
    return KMN(SMALL).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache folder of these tests."""
    home = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(home))
        patch.setattr(quantize, "EVERY", 20)  # three frames
        yield home / "kmn"


@pytest.fixture(scope="module")
def ready(model: KMN, cache: Path) -> Network:
    """The model in int8, whose graphs are in the cache."""
    return ready_for_inference(model, CPU, "int8")


def two_objects() -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Five frames with two squares that move, and the first one's mask."""
    for step in range(5):
        frame = np.full((96, 128, 3), 90, np.uint8)
        mask = np.zeros((96, 128), np.uint8)
        for label, (y, x) in enumerate([(8, 8 + 3 * step), (50, 70 - 2 * step)], start=1):
            frame[y : y + 30, x : x + 40] = (250, 40, 120 * label)
            mask[y : y + 30, x : x + 40] = label
        yield frame, mask if step == 0 else None


def probabilities(network: Network) -> np.ndarray:
    """Of each frame but the first, (T, K + 1, H, W)."""
    segmenter = VideoSegmenter(network)
    found = [segmenter.step(*given, want_prob=True).prob for given in two_objects()]
    return np.stack(found[1:])  # type: ignore[arg-type]


def test_the_parts_together_are_the_network(model: KMN) -> None:
    parts = PartwiseNetwork(model.config, lambda name, *inputs: PARTS[name](model, *inputs), "fp32")
    whole = ready_for_inference(model, CPU, "fp32")
    assert np.allclose(probabilities(parts), probabilities(whole), atol=1e-5)


@needs_openvino
def test_int8_computes_nearly_the_same(model: KMN, ready: Network) -> None:
    exact = probabilities(ready_for_inference(model, CPU, "fp32"))
    rounded = probabilities(ready)
    assert np.abs(rounded - exact).mean() < 0.1 * exact.std()


@needs_openvino
def test_the_product_of_keys_rounds_nothing_of_them(ready: Network) -> None:
    """Wherever the graphs compute in bfloat16 they give the keys in it."""
    image, _ = next(two_objects())
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    key, _ = ready.memorize(tensor, torch.ones(1, 96, 128))
    query = ready.encode_query(tensor).key[0].flatten(1).t().contiguous()
    similarity = ready._similarity  # type: ignore[attr-defined]
    for keys in (key[0], key[0, :7]):  # of any length
        exact = query.double() @ keys.double().t()
        assert torch.allclose(similarity(query, keys).double(), exact, rtol=1e-4, atol=1e-5)


def test_what_sees_the_picture_and_what_makes_keys_is_not_rounded(model: KMN, cache: Path) -> None:
    ranges = quantize.measure_ranges(fold_batch_norms(model))
    exact = {name: [pair is None for pair in of_part] for name, of_part in ranges.items()}
    assert exact["query"][0] and sum(exact["query"]) == 2
    assert all(exact["memory"][:2]) and exact["memory"][-2] and sum(exact["memory"]) == 3
    assert not any(exact["decoder"])


@needs_openvino
def test_graphs_are_made_once_and_anew_when_they_are_damaged(
    model: KMN, ready: Network, cache: Path
) -> None:
    said: list[str] = []
    again = ready_for_inference(model, CPU, "int8", said.append)
    assert not said
    assert np.array_equal(probabilities(again), probabilities(ready))
    (folder,) = cache.iterdir()
    assert {path.name for path in folder.iterdir()} == {f"{name}.blob" for name in PARTS}
    (folder / "memory.blob").write_bytes(b"")
    mended = ready_for_inference(model, CPU, "int8", said.append)
    assert len(said) == 1 and "measuring" in said[0]
    assert np.array_equal(probabilities(mended), probabilities(ready))
    assert (folder / "memory.blob").stat().st_size


@needs_openvino
def test_other_weights_get_graphs_of_their_own(ready: Network, cache: Path) -> None:
    before = len(list(cache.iterdir()))
    torch.manual_seed(1)
    other = KMN(SMALL).eval().requires_grad_(False)
    ready_for_inference(other, CPU, "int8")
    assert len(list(cache.iterdir())) == before + 1


@needs_openvino
def test_an_interrupted_run_goes_on_bit_for_bit(ready: Network) -> None:
    given = list(two_objects())
    first, second = (VideoSegmenter(ready) for _ in range(2))
    for step in given[:3]:
        first.step(*step)
    second.restore(*first.state())
    for step in given[3:]:
        one, other = (s.step(*step, want_prob=True).prob for s in (first, second))
        assert one is not None and other is not None
        assert np.array_equal(one, other)


@needs_openvino
def test_a_cache_that_cannot_be_written_costs_only_the_next_start(
    model: KMN, ready: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kmn").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said: list[str] = []
    network = ready_for_inference(model, CPU, "int8", said.append)
    assert "not kept" in said[-1]
    assert np.array_equal(probabilities(network), probabilities(ready))


@needs_openvino
def test_with_shipped_ranges_nothing_is_measured(
    model: KMN, ready: Network, shipped: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said: list[str] = []
    network = ready_for_inference(model, CPU, "int8", said.append)
    assert not said
    exact = probabilities(ready)
    assert np.abs(probabilities(network) - exact).max() < 0.01  # ranges are written in four digits


@pytest.fixture
def shipped(model: KMN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ranges of the model lie beside its weights, as for the shipped ones."""
    weights = tmp_path / "weights" / "tiny.safetensors"
    weights.parent.mkdir()
    save_checkpoint(weights, model)
    quantize.main(weights)
    clip = quantize.demo_clip()
    monkeypatch.setattr(quantize, "demo_clip", lambda: clip)
    monkeypatch.setattr(quantize, "shipped_weights", lambda: weights.parent)


def test_auto_takes_int8_only_where_it_was_measured(
    model: KMN, shipped: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen(model: KMN, *, int8: bool = True, bf16: bool = True, openvino: bool = True) -> str:
        monkeypatch.setattr("kmn_cli.inference.ready.has_fast_int8", lambda device: int8)
        monkeypatch.setattr("kmn_cli.inference.ready.has_fast_bf16", lambda device: bf16)
        monkeypatch.setattr("kmn_cli.inference.ready.find_spec", lambda name: openvino or None)
        return choose_precision(model, CPU)[0]

    torch.manual_seed(1)
    other = KMN(SMALL).eval().requires_grad_(False)
    assert chosen(model) == "int8"
    assert chosen(other) == "bf16"
    assert chosen(other, bf16=False) == "fp32"
    assert chosen(model, int8=False) == "bf16"
    assert chosen(model, openvino=False, bf16=False) == "fp32"


def test_without_openvino_it_says_what_to_install(
    model: KMN, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UsageError) as caught:
        ready_for_inference(model, CPU, "int8")
    assert "kmn[int8]" in caught.value.hint


def test_int8_is_for_a_cpu(model: KMN) -> None:
    with pytest.raises(UsageError, match="int8 runs on a CPU"):
        ready_for_inference(model, torch.device("cuda:0"), "int8")
