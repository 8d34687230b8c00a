"""The Kernelized Memory Network (Fig. 2): parameters and pure calls, no state between them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from kmn_cli.model.config import KMNConfig
from kmn_cli.model.decoder import Decoder, DecoderSkips, soft_aggregate
from kmn_cli.model.encoders import KeyValueHead, MemoryEncoder, QueryEncoder


class Query(NamedTuple):
    """What a query frame offers to all its objects."""

    key: Tensor  # (B, C_k, h, w)
    skips: DecoderSkips

    def split(self, size: int) -> list[Query]:
        """The parts of a batch, `size` frames each."""
        parts = zip(*(whole.split(size) for whole in (self.key, *self.skips)), strict=True)
        return [Query(key, DecoderSkips(*skips)) for key, *skips in parts]


class KMN(nn.Module):
    """Cuts objects out of a frame by reading a memory of earlier frames with their masks.

    Frames are RGB in [0, 1] with sides that are multiples of 16.

    Attributes:
        config: the network's sizes, and how it is run best.
    """

    def __init__(self, config: KMNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or KMNConfig()
        self.query_encoder = QueryEncoder(config)
        self.memory_encoder = MemoryEncoder(config)
        self.query_head = KeyValueHead(config)
        self.memory_head = KeyValueHead(config)
        self.decoder = Decoder(config)

    def memorize(
        self, frame: Tensor, masks: Tensor, at_once: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Encodes a frame with its objects for the memory.

        Args:
            frame: (B, 3, H, W).
            masks: (B, K, H, W) in [0, 1].
            at_once: objects in one pass of the network, which bounds memory; None is all.

        Returns:
            Key (B, K, hw, C_k) and value (B, K, hw, C_v), one row a grid cell.
        """
        stem = self.memory_encoder.stem(frame)
        others = (masks.sum(1, keepdim=True) - masks).clamp_(0, 1)
        at_once = at_once or masks.shape[1]
        keys: list[Tensor] = []
        values: list[Tensor] = []
        for own, rest in zip(masks.split(at_once, 1), others.split(at_once, 1), strict=True):
            heads = self.memory_head(self.memory_encoder(stem, own, rest))
            for rows, head in zip((keys, values), heads, strict=True):
                rows.append(head.flatten(2).transpose(1, 2).unflatten(0, own.shape[:2]))
        return torch.cat(keys, 1), torch.cat(values, 1)

    def encode_query(self, frame: Tensor) -> Query:
        """Encodes a frame to be segmented, (B, 3, H, W); shared by all its objects."""
        features = self.query_encoder(frame)
        key, value = self.query_head(features.r4)
        return Query(key, self.decoder.skips(value, features.r3, features.r2))

    def decode(self, readout: Tensor, skips: DecoderSkips, at_once: int | None = None) -> Tensor:
        """Readout (B, K, C_v, h, w) to aggregated logits (B, K + 1, H, W), background first.

        `at_once` as in `memorize`.
        """
        logits = [
            self.decoder(part.flatten(0, 1), skips).unflatten(0, part.shape[:2])
            for part in readout.split(at_once or readout.shape[1], 1)
        ]
        return soft_aggregate(torch.cat(logits, 1).sigmoid_())

    def forward(self, frames: Tensor, masks: Tensor, present: Tensor) -> Tensor:
        """Segments a training clip with a dynamic memory: each frame reads all before it.

        The read is STM's, without the kernel, whose arg max has no gradient (section 5.1).

        Args:
            frames: (B, T, 3, H, W).
            masks: (B, K, H, W), the objects of the first frame.
            present: (B, K) bool, false where a sample has fewer than K objects.

        Returns:
            Logits (B, T - 1, K + 1, H, W) of the frames after the first, background first;
            -inf for objects that are not present.
        """
        outputs: list[Tensor] = []
        keys: list[Tensor] = []
        values: list[Tensor] = []
        absent = ~present[:, :, None, None]
        # The query side of all frames is independent of the masks: one batch, time by time.
        queries = self.encode_query(frames[:, 1:].transpose(0, 1).flatten(0, 1))
        for t, query in enumerate(queries.split(len(frames))):
            key, value = self.memorize(frames[:, t], masks)
            keys.append(key)
            values.append(value)
            readout = _read_for_training(query.key, torch.cat(keys, 2), torch.cat(values, 2))
            logits = self.decoder(readout.flatten(0, 1), query.skips)
            prob = logits.sigmoid().unflatten(0, present.shape).masked_fill(absent, 0)
            logits = soft_aggregate(prob)
            logits = torch.cat([logits[:, :1], logits[:, 1:].masked_fill(absent, -torch.inf)], 1)
            outputs.append(logits)
            masks = logits.softmax(1)[:, 1:]
        return torch.stack(outputs, 1)


def _read_for_training(query_key: Tensor, memory_key: Tensor, memory_value: Tensor) -> Tensor:
    """STM's read of a batch: (B, C_k, h, w), (B, K, N, C_k), (B, K, N, C_v) to (B, K, C_v, h, w).

    Similarities and softmax stay in float32 under mixed precision.
    """
    height, width = query_key.shape[2:]
    with torch.autocast(query_key.device.type, enabled=False):
        query = query_key.float().flatten(2).transpose(1, 2)[:, None]  # (B, 1, hw, C_k)
        logits = query @ memory_key.float().transpose(2, 3) / query_key.shape[1] ** 0.5
        weights = logits.softmax(-1)
    readout = weights.to(memory_value.dtype) @ memory_value
    return readout.transpose(2, 3).unflatten(3, (height, width))
