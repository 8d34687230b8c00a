"""What the shipped network takes for the object that a box or clicks mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional

from kmn_cli.inference.device import choose_device
from kmn_cli.inference.frame_size import STRIDE
from kmn_cli.media.prompts import Point, Prompts
from kmn_cli.model import load_checkpoint
from kmn_cli.model.checkpoint import load_strictly, readable
from kmn_cli.model.encoders import QueryEncoder
from kmn_cli.model.prompt_head import SIDE, PromptHead, guidance, trunk_features


def prompt_head_path(network: Path) -> Path:
    """Where the prompt head of a network's file lies: beside it."""
    return network.with_suffix(".prompts.safetensors")


class PromptedNetwork:
    """A trunk and the head that was trained on it.

    Args:
        encoder: of the query.
        head: in evaluation mode, on the same device.
    """

    def __init__(self, encoder: QueryEncoder, head: PromptHead) -> None:
        self._encoder, self._head = encoder, head

    @classmethod
    def shipped(cls, device: str, tell: Callable[[str], None]) -> PromptedNetwork:
        """The shipped network and its head.

        Raises:
            WeightsError: they are not there.
            DeviceError: the device is not.
        """
        checkpoint = load_checkpoint()
        model, path = checkpoint.model, prompt_head_path(checkpoint.path)
        head = PromptHead(model.config.width)
        with readable(path):
            load_strictly(head, load_file(path), str(path))
        chosen, reason = choose_device(device)
        tell(f"first mask: by {path.stem} on {chosen} ({reason})")
        return cls(model.query_encoder.to(chosen), head.to(chosen).eval())

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, prompts: Prompts) -> np.ndarray:
        """Return the probability (h, w) float32 of each pixel of a picture (h, w, 3) uint8 RGB to
        be of the object that a box and points mean; all of the picture is looked at."""
        height, width = image.shape[:2]
        scale = SIDE / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = torch.from_numpy(cv2.resize(image, size, interpolation=how))
        said = guidance(
            size[1],
            size[0],
            prompts.box and tuple(scale * value for value in prompts.box),
            _scaled(prompts.inside, scale),
            _scaled(prompts.outside, scale),
        )
        seen = torch.cat([small.permute(2, 0, 1) / 255, said])
        edge = (0, -size[0] % STRIDE, 0, -size[1] % STRIDE)
        seen = functional.pad(seen, edge)[None].to(next(self._head.parameters()).device)
        picture, *features = trunk_features(self._encoder, seen[:, :3])
        prob = self._head(picture, features, seen[:, 3:])[0].sigmoid().cpu().numpy()
        return cv2.resize(prob[: size[1], : size[0]], (width, height))


def _scaled(points: tuple[Point, ...], scale: float) -> list[Point]:
    return [(scale * x, scale * y) for x, y in points]
