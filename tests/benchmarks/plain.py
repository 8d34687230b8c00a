"""The plain baseline: the same network run the way a first STM-shaped implementation runs it.

Naive read with its kernel multiplied in, decoder skips recomputed for every object, the bank
concatenated anew for every frame, batch norms as layers, tensors in the default layout.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from kmn_cli.inference.frame_size import FrameSize
from kmn_cli.model import KMN


def naive_read(query_key: Tensor, memory_key: Tensor, memory_value: Tensor, sigma: float) -> Tensor:
    """Equations (1) to (5) as they stand, exp(c / √d) · g renormalised; see `read_plain`."""
    dim, height, width = query_key.shape
    similarity = memory_key @ query_key.flatten(1)  # (K, N, hw)
    best = similarity.argmax(-1, keepdim=True)
    cells = torch.arange(height * width, device=query_key.device)
    dy, dx = cells // width - best // width, cells % width - best % width
    kernel = torch.exp(-(dy**2 + dx**2) / (2 * sigma**2))
    scaled = similarity / math.sqrt(dim)
    weights = torch.exp(scaled - scaled.amax(1, keepdim=True)) * kernel
    weights = weights / weights.sum(1, keepdim=True)
    return (memory_value.transpose(1, 2) @ weights).unflatten(2, (height, width))


class PlainSegmenter:
    """`VideoSegmenter.step` for objects 1 to K of the first frame.

    The memory holds every `every`-th frame and the previous one, the newest `frames` of them.
    """

    def __init__(self, model: KMN, size: int, frames: int, every: int = 1) -> None:
        self.model, self.size, self.frames, self.every = model, size, frames, every
        self.bank: list[tuple[Tensor, Tensor]] = []
        self.steps = 0
        self.last: Tensor | None = None
        self.masks: Tensor | None = None

    @torch.inference_mode()
    def step(self, frame: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        size = FrameSize.for_short_side(frame.shape[0], frame.shape[1], self.size)
        image = size.image_to_net(torch.from_numpy(frame))
        if mask is not None:
            ids = torch.from_numpy(mask)
            prob = torch.stack([size.mask_to_net(ids == i) for i in range(int(mask.max()) + 1)])
        else:
            assert self.last is not None and self.masks is not None
            key, value = self.model.memorize(self.last, self.masks[None])
            if self.bank and (self.steps - 2) % self.every:  # the previous frame until now
                self.bank.pop()
            self.bank = [*self.bank, (key[0], value[0])][-self.frames :]
            keys, values = (torch.cat(parts, 1) for parts in zip(*self.bank, strict=True))
            features = self.model.query_encoder(image)
            key, value = self.model.query_head(features.r4)
            readout = naive_read(key[0], keys, values, 7.0)
            objects = len(readout)
            skips = self.model.decoder.skips(
                *(t.repeat(objects, 1, 1, 1) for t in (value, features.r3, features.r2))
            )
            logits = self.model.decoder(readout, skips)
            p = logits.sigmoid()
            p = torch.cat([(1 - p).prod(0, keepdim=True), p]).clamp(1e-7, 1 - 1e-7)
            prob = (p / (1 - p)).log().softmax(0)
        self.last, self.masks = image, prob[1:]
        self.steps += 1
        return size.prob_from_net(prob).argmax(0).to(torch.uint8).numpy()
