"""The network in three parts of plain tensors, which something else than torch may run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kmn_cli.inference.device import has_fast_bf16
from kmn_cli.inference.torch_network import read_memory
from kmn_cli.model import KMN, KMNConfig
from kmn_cli.model.decoder import DecoderSkips, soft_aggregate
from kmn_cli.model.kmn import Query
from kmn_cli.model.memory_read import Similarity

# Runs a part, by its name in PARTS, on one frame and one object.
Run = Callable[..., tuple[Tensor, ...]]


def _query(model: KMN, frame: Tensor) -> tuple[Tensor, ...]:
    query = model.encode_query(frame)
    return (query.key, *query.skips)


def _memory(model: KMN, frame: Tensor, own: Tensor, others: Tensor) -> tuple[Tensor, ...]:
    encoder = model.memory_encoder
    return model.memory_head(encoder(encoder.stem(frame), own, others))


def _decoder(model: KMN, readout: Tensor, *skips: Tensor) -> tuple[Tensor, ...]:
    return (model.decoder(readout, DecoderSkips(*skips)),)


PARTS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "query": _query,
    "memory": _memory,
    "decoder": _decoder,
}


class PartwiseNetwork:
    """A `Network` on the CPU that leaves its parts to something else than torch.

    Args:
        config: of the network.
        run: is called with a part's name and its inputs, as PARTS take them after the model.
        precision: what it is called.
        similarity: the product of keys, if not by torch.
    """

    stride = 16
    device = torch.device("cpu")

    def __init__(
        self, config: KMNConfig, run: Run, precision: str, similarity: Similarity | None = None
    ) -> None:
        self.config, self._run, self.precision = config, run, precision
        self._similarity = similarity

    def encode_query(self, images: Tensor) -> Query:
        """See `Network`."""
        key, *skips = self._run("query", images)
        return Query(key, DecoderSkips(*skips))

    def memorize(self, image: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """See `Network`."""
        others = (masks.sum(0, keepdim=True) - masks).clamp_(0, 1)
        objects = zip(masks.split(1), others.split(1), strict=True)
        heads = [self._run("memory", image, own[None], rest[None]) for own, rest in objects]
        key, value = (
            torch.cat([head.flatten(2).transpose(1, 2) for head in part])
            for part in zip(*heads, strict=True)
        )
        # As in bfloat16 runs: values bear it, and are multiplied twice as fast where that is fast.
        return key, value.bfloat16() if has_fast_bf16(self.device) else value

    def read(self, query: Query, memory: tuple[Tensor, Tensor], sigma: float | None) -> Tensor:
        """See `Network`."""
        return read_memory(query, memory, sigma, self._similarity)

    def decode(self, readout: Tensor, query: Query) -> Tensor:
        """See `Network`."""
        logits = [self._run("decoder", part, *query.skips)[0] for part in readout.split(1)]
        return soft_aggregate(torch.cat(logits)[None].sigmoid_())[0].softmax(0)

    def at_once(self, image: Tensor) -> int:
        """See `Network`."""
        return 1
