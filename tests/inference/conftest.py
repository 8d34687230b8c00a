"""A tiny network of random weights."""

from __future__ import annotations

import pytest
import torch

from kmn_cli.inference.network import Network
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.model import KMN, KMNConfig


@pytest.fixture(scope="module")
def model() -> KMN:
    torch.manual_seed(0)
    return KMN(KMNConfig.tiny()).eval()


@pytest.fixture(scope="module")
def network(model: KMN) -> Network:
    # In auto the hardware would decide how close the numbers are.
    return ready_for_inference(model, precision="fp32")
