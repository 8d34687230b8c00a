"""A frame segmented from its own mask."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kmn_cli.errors import InputError
from kmn_cli.inference.network import Network
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import Prediction, VideoSegmenter
from kmn_cli.inference.self_check import self_check
from kmn_cli.model import KMN, KMNConfig


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return ready_for_inference(KMN(KMNConfig.tiny()), precision="fp32")


@pytest.fixture
def marked() -> tuple[np.ndarray, np.ndarray]:
    """A frame and a mask of the objects 2 and 5, 400 pixels each."""
    frame = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    mask = np.zeros((64, 80), np.uint8)
    mask[5:25, 5:25] = 2
    mask[30:50, 40:60] = 5
    return frame, mask


def test_one_answer_for_each_object(
    network: Network, marked: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, mask = marked
    real = VideoSegmenter.step

    def step(self: VideoSegmenter, frame: np.ndarray, given: np.ndarray | None = None):
        if given is not None:
            return real(self, frame, given)
        answer = np.where(mask == 2, mask, 0)
        answer[30:50, 50:70] = 5  # half of the object, and as much beside it
        return Prediction(answer, None)

    monkeypatch.setattr(VideoSegmenter, "step", step)
    assert self_check(network, frame, mask) == {2: 1.0, 5: pytest.approx(1 / 3)}


def test_the_answer_is_the_networks_own(
    network: Network, marked: tuple[np.ndarray, np.ndarray]
) -> None:
    """An untaught network does not repeat the mask, though the segmenter keeps a given one."""
    answers = self_check(network, *marked)
    assert list(answers) == [2, 5]
    assert all(0 <= iou < 0.9 for iou in answers.values())


def test_an_empty_mask_is_refused(network: Network, marked: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(InputError, match="empty"):
        self_check(network, marked[0], np.zeros_like(marked[1]))
