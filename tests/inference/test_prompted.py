"""What a network takes for the object that a box or clicks mean."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_data import write_stills
from safetensors import safe_open
from safetensors.torch import save_file

from kmn_cli.batch.first_mask import network_finder
from kmn_cli.data.prompt_samples import BEYOND, draw_crop, draw_prompts
from kmn_cli.inference import prompted
from kmn_cli.inference.prompted import PromptedNetwork, prompt_head_path
from kmn_cli.inference.quantize import weights_digest
from kmn_cli.media.edges import EdgeFinder, by_colours
from kmn_cli.media.prompts import Prompts
from kmn_cli.model import KMN, KMNConfig, load_checkpoint, save_checkpoint
from kmn_cli.model.encoders import QueryEncoder
from kmn_cli.model.prompt_head import PromptHead, guidance
from kmn_cli.training.prompt_head import main, train

SIDE = 48


@pytest.fixture(scope="module")
def encoder() -> QueryEncoder:
    torch.manual_seed(0)
    return KMN(KMNConfig.tiny()).eval().query_encoder


def two_squares(rng: np.random.Generator) -> np.ndarray:
    """A picture (96, 96, 4) with object 1 on its left and object 2 on its right, both alike."""
    pair = rng.integers(0, 60, (96, 96, 4), dtype=np.uint8)
    pair[..., 3] = 0
    for object_id, left in ((1, 12), (2, 60)):
        top = int(rng.integers(20, 50))
        pair[top : top + 24, left : left + 24] = (200, 180, 160, object_id)
    return pair


@pytest.fixture(scope="module")
def taught(encoder: QueryEncoder) -> PromptedNetwork:
    """A head that has seen two squares for some seconds."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    head = PromptHead(KMNConfig.tiny().width, dim=32)

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        crop = draw_crop(two_squares(rng), SIDE, rng)
        return crop if crop is not None else draw()

    trained = train(encoder, head, draw, lambda step: step / 100, rate=4e-3, rng=rng)
    return PromptedNetwork(encoder, trained.eval())


@pytest.mark.parametrize("said", ["box", "click"])
def test_a_taught_head_finds_what_is_meant_of_two_alike(taught: PromptedNetwork, said: str) -> None:
    pair = two_squares(np.random.default_rng(5))
    for object_id in (1, 2):
        truth = pair[..., 3] == object_id
        y, x = np.argwhere(truth)[0].tolist()
        box = (float(x - 1), float(y - 1), 26.0, 26.0)
        click = Prompts(inside=((x + 12.0, y + 12.0),))
        prompts = Prompts(box=box) if said == "box" else click
        found = EdgeFinder(taught)(pair[..., :3], prompts)
        assert (found & truth).sum() / (found | truth).sum() > 0.8
        prob = taught(pair[..., :3], prompts)
        assert prob[truth].mean() > prob[pair[..., 3] == 0].mean() + 0.5


def test_the_file_of_a_head_says_which_network_it_belongs_to(tmp_path: Path) -> None:
    model, path = KMN(KMNConfig.tiny()), tmp_path / "tiny.safetensors"
    save_checkpoint(path, model)
    data = write_stills(tmp_path / "stills", 2)
    arguments = ["-o", prompt_head_path(path), "--data", data, "--weights", path]
    main([*map(str, arguments), "--minutes", "0.001"])
    with safe_open(prompt_head_path(path), framework="pt") as file:
        assert file.metadata() == {"weights": weights_digest(model)}


@pytest.mark.parametrize("size", [(37, 90), (300, 20), (1, 1)])
def test_pictures_of_any_size_are_answered_at_their_own(
    encoder: QueryEncoder, size: tuple[int, int]
) -> None:
    network = PromptedNetwork(encoder, PromptHead(KMNConfig.tiny().width).eval())
    prob = network(np.zeros((*size, 3), np.uint8), Prompts(inside=((0.0, 0.0),)))
    assert prob.shape == size and 0 <= prob.min() <= prob.max() <= 1


def test_what_is_said_lies_where_it_was_said() -> None:
    planes = guidance(20, 30, (5, 4, 10, 8), [(7, 6)], [(25, 15)])
    assert planes[0].sum() == 80 and planes[0, 4, 5] == 1 and planes[0, 12, 15] == 0
    assert (planes[1] == 1).all()
    for first, x, y in ((2, 7, 6), (4, 25, 15)):
        assert planes[first, y, x] == planes[first + 1, y, x] == 1
        assert planes[first].sum() < planes[first + 1].sum()
    nothing = guidance(20, 30, None, [], [])
    assert (nothing[0] == 1).all() and not nothing[1:].any()


def test_samples_show_a_whole_object_and_say_where_it_is() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        crop = draw_crop(two_squares(rng), SIDE, rng)
        assert crop is not None
        picture, truth = crop
        mask = (truth == 1).numpy()
        assert picture.shape == (3, SIDE, SIDE) and mask.any()
        assert picture[:, mask].mean() > 0.4  # the square is bright
        assert not picture[:, (truth == BEYOND).numpy()].any()
        said = draw_prompts(mask.astype(np.uint8), rng)
        assert said[0][mask].mean() > 0.7 and said[2][mask].max() == said[2].max()
    assert draw_crop(np.zeros((9, 9, 4), np.uint8), SIDE, rng) is None


def test_the_shipped_files_are_used_and_colours_where_they_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kmn.safetensors"
    save_checkpoint(path, KMN(KMNConfig.tiny()))
    monkeypatch.setattr(prompted, "load_checkpoint", partial(load_checkpoint, path))
    frame, box = two_squares(np.random.default_rng(1))[..., :3], Prompts(box=(9.0, 9.0, 40.0, 70.0))
    said: list[str] = []
    colours = network_finder("cpu", said.append)(frame, box)
    np.testing.assert_array_equal(colours, by_colours(frame, box))
    assert "colours" in said[0] and "prompts" in said[0]
    save_file(PromptHead(KMNConfig.tiny().width).half().state_dict(), prompt_head_path(path))
    network_finder("cpu", said.append)(frame, box)
    assert "kmn.prompts" in said[1]
