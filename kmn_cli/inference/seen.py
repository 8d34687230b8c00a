"""What the network sees of a frame through a view, and whether a closer one serves it better."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kmn_cli.inference.device import upload
from kmn_cli.inference.given_mask import GivenMask
from kmn_cli.inference.look_back import Given, agreement
from kmn_cli.inference.network import Network
from kmn_cli.inference.object_memory import on_device
from kmn_cli.inference.view import View


def seen(frame: np.ndarray, view: View, device: torch.device) -> Tensor:
    """Frame (H, W, 3) uint8 to (1, 3, H', W') in [0, 1], as the network wants it."""
    return on_device(view.image_to_net(upload(frame, device)), device)


def reads_itself(
    network: Network, frame: np.ndarray, mask: np.ndarray, view: View, sigma: float | None
) -> float:
    """How well a network repeats the mask of a frame through a view: the sum of its objects' IoU.

    Args:
        network: ready to run.
        frame: (H, W, 3) uint8 RGB.
        mask: (H, W) uint8 object ids.
        view: of the frame.
        sigma: of the read.
    """
    masks = GivenMask.of(mask, view, network.device).masks()
    given = Given(seen(frame, view, network.device), masks)
    return sum(agreement(network, given, network.memorize(*given), sigma))
