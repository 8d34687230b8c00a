"""The network in three parts of plain tensors, which something else than torch may run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kmn_cli.model import KMN, KMNConfig
from kmn_cli.model.decoder import DecoderSkips, soft_aggregate
from kmn_cli.model.kmn import Query

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


class PartwiseKMN(KMN):
    """A network for inference that has no parameters: it leaves its parts to `run`.

    Args:
        config: of the network.
        run: is called with a part's name and its inputs, as PARTS take them after the model.
    """

    is_folded = True

    def __init__(self, config: KMNConfig, run: Run) -> None:
        nn.Module.__init__(self)
        self.config, self._run = config, run

    def memorize(
        self, frame: Tensor, masks: Tensor, at_once: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `KMN.memorize`, one object at a time."""
        others = (masks.sum(1, keepdim=True) - masks).clamp_(0, 1)
        objects = zip(masks.split(1, 1), others.split(1, 1), strict=True)
        heads = [self._run("memory", frame, own, rest) for own, rest in objects]
        key, value = (
            torch.stack([head.flatten(2).transpose(1, 2) for head in part], 1)
            for part in zip(*heads, strict=True)
        )
        return key, value

    def encode_query(self, frame: Tensor) -> Query:
        """As `KMN.encode_query`."""
        key, *skips = self._run("query", frame)
        return Query(key, DecoderSkips(*skips))

    def decode(self, readout: Tensor, query: Query, at_once: int | None = None) -> Tensor:
        """As `KMN.decode`, one object at a time."""
        logits = [self._run("decoder", part, *query.skips)[0] for part in readout.unbind(1)]
        return soft_aggregate(torch.stack(logits, 1).sigmoid_())
