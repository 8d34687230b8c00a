"""Trains what finds an object from a box or clicks: the prompt head of a network.

    python -m kmn_cli.training.prompt_head -o HEAD.safetensors --data ROOT [--data ROOT …]
        [--weights kmn] [--init HEAD.safetensors] [--minutes 30]

The trunk of `--weights` stays as it is: the head belongs to it, and its file names their digest.
When the trunk has changed a little, the head goes on from `--init`, at a quarter of the rate.
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional

from kmn_cli.data.prompt_samples import BEYOND, draw_crop, draw_prompts
from kmn_cli.data.scan import Pair, read_pair, scan_stills, scan_videos
from kmn_cli.files import atomic_path
from kmn_cli.inference.device import has_fast_bf16, to_device
from kmn_cli.inference.quantize import weights_digest
from kmn_cli.model import load_checkpoint
from kmn_cli.model.checkpoint import load_strictly
from kmn_cli.model.encoders import QueryEncoder
from kmn_cli.model.prompt_head import SIDE, PromptHead, trunk_features

CROPS, PROMPTS = 6, 2  # a step, and prompts a crop, which share its features
RATE, DECAY, WARM_UP = 2e-3, 1e-4, 50
AVERAGE = 0.995  # of the weights over the steps, which is what is saved
EVERY = 50  # steps, that it is saved and told of

Crop = tuple[Tensor, Tensor]
log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--weights")
    parser.add_argument("--init", type=Path)
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    model = to_device(load_checkpoint(options.weights).model, torch.device("cpu"))
    digest = weights_digest(model)
    head = PromptHead(model.config.width)
    if options.init:
        tensors = {name: value.float() for name, value in load_file(options.init).items()}
        load_strictly(head, tensors, str(options.init))
    rng = np.random.default_rng()
    draw = _source([_pairs(root) for root in options.data], rng)
    start = time.monotonic()
    trained = train(
        model.query_encoder,
        head,
        draw,
        lambda step: (time.monotonic() - start) / (60 * options.minutes),
        rate=RATE / 4 if options.init else RATE,
        rng=rng,
        saved=lambda head: _save(head, options.output, digest),
    )
    _save(trained, options.output, digest)


def train(
    encoder: QueryEncoder,
    head: PromptHead,
    draw: Callable[[], Crop],
    progress: Callable[[int], float],
    *,
    rate: float = RATE,
    rng: np.random.Generator,
    saved: Callable[[PromptHead], None] = lambda head: None,
) -> PromptHead:
    """Train a head on the features of an encoder, which stays as it is.

    Args:
        draw: gives a crop; see `draw_crop`.
        progress: share of the training that is over after a number of steps.
        saved: is given the average now and then.

    Returns:
        The average of the weights.
    """
    encoder.requires_grad_(False)
    average = copy.deepcopy(head)
    optimizer = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=DECAY)
    fast = has_fast_bf16(torch.device("cpu"))
    losses: list[float] = []
    while (done := progress(len(losses))) < 1:
        warm = min(1.0, (len(losses) + 1) / WARM_UP)
        for group in optimizer.param_groups:
            group["lr"] = rate * warm * (1 + math.cos(math.pi * done)) / 2
        crops = [draw() for _ in range(CROPS)]
        truth = torch.stack([mask for _, mask in crops]).repeat_interleave(PROMPTS, 0)
        said = torch.stack([draw_prompts((mask == 1).byte().numpy(), rng) for mask in truth])
        frames = torch.stack([image for image, _ in crops])
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            with torch.no_grad():
                seen = trunk_features(encoder, frames.to(memory_format=torch.channels_last))
            picture, *features = (part.repeat_interleave(PROMPTS, 0) for part in seen)
            logits = head(picture, features, said).float()
        loss = _loss(logits, truth)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        keep = min(AVERAGE, 1 - 10 / (len(losses) + 10))
        with torch.no_grad():
            for old, new in zip(average.parameters(), head.parameters(), strict=True):
                old.lerp_(new, 1 - keep)
        if len(losses) % EVERY == 0:
            mean = np.mean(losses[-EVERY:])
            log.info("%4.0f%%  step %d: loss %.3f", 100 * done, len(losses), mean)
            saved(average)
    return average


def _source(sources: list[list[Pair]], rng: np.random.Generator) -> Callable[[], Crop]:
    """Draws crops: a set is drawn by the root of its size, that small ones count, too."""
    shares = np.sqrt([len(source) for source in sources])

    def draw() -> Crop:
        while True:
            source = sources[rng.choice(len(sources), p=shares / shares.sum())]
            crop = draw_crop(read_pair(source[rng.integers(len(source))]), SIDE, rng)
            if crop is not None:
                return crop

    return draw


def _pairs(root: Path) -> list[Pair]:
    scan = scan_videos(root) if (root / "JPEGImages").is_dir() else scan_stills(root)
    return [pair for clip in scan.clips for pair in clip]


def _save(head: PromptHead, path: Path, digest: str) -> None:
    """Write a head, which says the weights of which network it belongs to."""
    tensors = {name: value.half() for name, value in head.state_dict().items()}
    with atomic_path(path) as part:
        part.write_bytes(save(tensors, {"weights": digest}))


def _loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy and soft IoU of logits (B, H, W) and truth (B, H, W)."""
    counts = (truth != BEYOND).float()
    target = (truth == 1).float()
    entropy = functional.binary_cross_entropy_with_logits(logits, target, counts)
    prob = logits.sigmoid() * counts
    both = (prob * target).sum((1, 2))
    iou = (both + 1) / ((prob + target).sum((1, 2)) - both + 1)
    return entropy + (1 - iou).mean()


if __name__ == "__main__":
    main()
