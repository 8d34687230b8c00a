"""The network in torch, in float32 or bfloat16, on any device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from kmn_cli.inference.captured import captured_on_gpu
from kmn_cli.inference.device import to_device
from kmn_cli.model import KMN, fold_batch_norms
from kmn_cli.model.decoder import DecoderSkips
from kmn_cli.model.kmn import Query
from kmn_cli.model.memory_read import Similarity, read_tiled

PIXELS_AT_ONCE = 2**22  # in one pass on a GPU: about 2 GB of maps


class TorchNetwork:
    """A `Network`: folded, channels last, its weights converted.

    Args:
        model: is copied.
        device: to run on.
        precision: "fp32" or "bf16".
    """

    stride = 16

    def __init__(self, model: KMN, device: torch.device, precision: str) -> None:
        self.config, self.device, self.precision = model.config, device, precision
        self.model = fold_batch_norms(model)
        if precision == "bf16":
            for module in self.model.modules():  # batch norms stay, or their shifts were rounded
                if isinstance(module, nn.Conv2d):
                    module.bfloat16()
        to_device(self.model, device)
        parts = _Parts(self.model, device, precision == "bf16")
        self._encode_query = captured_on_gpu(parts.encode_query, device)
        self._memorize = captured_on_gpu(parts.memorize, device)
        self._decode = captured_on_gpu(parts.decode, device)

    def encode_query(self, images: Tensor) -> Query:
        """See `Network`."""
        key, *skips = self._encode_query(images)
        return Query(key, DecoderSkips(*skips))

    def memorize(self, image: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """See `Network`."""
        key, value = self._memorize(image, masks)
        return key, value

    def read(self, query: Query, memory: tuple[Tensor, Tensor], sigma: float | None) -> Tensor:
        """See `Network`."""
        return read_memory(query, memory, sigma)

    def decode(self, readout: Tensor, query: Query) -> Tensor:
        """See `Network`."""
        [prob] = self._decode(readout, *query.skips)
        return prob

    def at_once(self, image: Tensor) -> int:
        """See `Network`."""
        return _at_once(self.device, image.shape[-2:].numel())


class _Parts(NamedTuple):
    """What is recorded, apart: in a circle with its recordings it would keep a GPU's memory."""

    model: KMN
    device: torch.device
    bf16: bool

    def encode_query(self, images: Tensor) -> tuple[Tensor, ...]:
        with self._arithmetic():
            query = self.model.encode_query(images)
        return query.key, *query.skips

    def memorize(self, image: Tensor, masks: Tensor) -> tuple[Tensor, ...]:
        at_once = _at_once(self.device, image.shape[-2:].numel())
        with self._arithmetic():
            key, value = self.model.memorize(image, masks[None], at_once)
        # Values stay in bfloat16, if they are; similarities need more.
        return key[0].float(), value[0]

    def decode(self, readout: Tensor, *skips: Tensor) -> tuple[Tensor, ...]:
        at_once = _at_once(self.device, TorchNetwork.stride**2 * readout.shape[-2:].numel())
        with self._arithmetic():
            logits = self.model.decode(readout[None], DecoderSkips(*skips), at_once)
        return (logits[0].softmax(0),)

    def _arithmetic(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)


def _at_once(device: torch.device, pixels: int) -> int:
    """Objects, or frames, of so many pixels in one pass: a CPU gains nothing from more than one, a
    GPU much, until it is full."""
    return 1 if device.type == "cpu" else max(1, PIXELS_AT_ONCE // pixels)


def read_memory(
    query: Query,
    memory: tuple[Tensor, Tensor],
    sigma: float | None,
    similarity: Similarity | None = None,
) -> Tensor:
    """The read of a single frame; see `Network.read` and `read_tiled`."""
    if query.key.device.type == "cpu":
        # Denormal weights make its products over a hundred times slower. This holds for the
        # thread that sets it.
        torch.set_flush_denormal(True)
    return read_tiled(query.key[0].float(), *memory, sigma, similarity=similarity)
