"""Batches of three-frame clips, each sample a pure function of (seed, step, number).

What a sample shows is drawn on the host (`scene`); its pixels are made on the device, in a handful
of calls for a whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kmn_cli.data.augment import jitter_colours
from kmn_cli.data.hide_and_seek import hide
from kmn_cli.data.scene import FRAMES, ClipSettings, Scene, Source, draw_scene
from kmn_cli.data.warp import warp
from kmn_cli.errors import InputError

MAX_DRAWS = 50
LAYER_IDS = 256  # ids of a layer start at a multiple of this


class Batch(NamedTuple):
    """Training samples on one device."""

    frames: Tensor  # (B, 3, 3, S, S) float32 RGB in [0, 1]
    labels: Tensor  # (B, 3, S, S) int64, 0 background, 1 … K objects
    present: Tensor  # (B, K) bool


def draw_batch(
    sources: Sequence[Source], settings: ClipSettings, seed: int, step: int, numbers: Sequence[int]
) -> Batch:
    """Draws the samples `numbers` of a step; all of them have at most the step's object count.

    Each of a sample's objects is visible in its first frame.

    Raises:
        InputError: no object is ever visible in a first frame.
    """
    chance = np.random.default_rng((seed, step, 0))
    several = settings.max_objects > 1 and chance.random() < settings.multi_object
    most = int(chance.integers(2, settings.max_objects + 1)) if several else 1
    chances = [np.random.default_rng((seed, step, 1 + number)) for number in numbers]
    done: dict[int, tuple[Tensor, Tensor]] = {}
    for _ in range(MAX_DRAWS):
        waiting = [row for row in range(len(numbers)) if row not in done]
        if not waiting:
            break
        rngs = [chances[row] for row in waiting]
        scenes = [draw_scene(sources, settings, most, rng) for rng in rngs]
        frames, ids = _paint(scenes, settings)
        labels, useful = _choose_targets(ids, most, rngs, settings.crop)
        for n, row in enumerate(waiting):
            if useful[n]:
                done[row] = frames[n], labels[n]
    if len(done) < len(numbers):
        raise InputError(
            f"No object was visible in {MAX_DRAWS} drawn samples.",
            "The masks may be almost empty; look at the pictures that the scan lists.",
        )
    rows = range(len(numbers))
    labels = torch.stack([done[row][1] for row in rows])
    objects = torch.arange(1, most + 1, device=labels.device)
    present = (labels[:, 0, ..., None] == objects).flatten(1, 2).any(1)
    return Batch(torch.stack([done[row][0] for row in rows]), labels, present)


def _paint(scenes: Sequence[Scene], settings: ClipSettings) -> tuple[Tensor, Tensor]:
    """Frames (B, 3, 3, S, S) in [0, 1] and the ids of what they show, (B, 3, S, S) int64."""
    layers = [(row, depth) for row, s in enumerate(scenes) for depth in range(len(s.layers))]
    layers.sort(key=lambda layer: layer[1])
    cuts = [cut for row, depth in layers for cut in scenes[row].layers[depth]]
    images, labels = (part.unflatten(0, (-1, FRAMES)) for part in warp(cuts, settings.crop))
    frames, ids = images[: len(scenes)], labels[: len(scenes)].long()
    start = len(scenes)
    while start < len(layers):
        depth = layers[start][1]
        rows = [row for row, at in layers if at == depth]
        part = slice(start, start + len(rows))
        index = torch.tensor(rows, device=ids.device)
        over = labels[part] > 0
        frames[index] = torch.where(over[:, :, None], images[part], frames[index])
        ids[index] = torch.where(over, labels[part].long() + depth * LAYER_IDS, ids[index])
        start = part.stop
    frames = jitter_colours(frames, torch.from_numpy(np.stack([s.jitter for s in scenes])))
    hidden = np.stack([scene.hidden for scene in scenes])
    if hidden.any():
        cells = torch.from_numpy(hidden).to(ids.device)
        frames, ids = hide(frames, ids, cells, settings.hide_fill)
    return frames, ids


def _choose_targets(
    ids: Tensor, most: int, rngs: Sequence[np.random.Generator], crop: int
) -> tuple[Tensor, list[bool]]:
    """Up to `most` of each sample's objects as targets 1 …, and which samples have any.

    An object of a few pixels in the first frame says nothing of what to follow.
    """
    samples, most_ids = len(ids), int(ids.max()) + 1
    rows = torch.arange(samples, device=ids.device)[:, None]
    flat = (ids[:, 0].flatten(1) + rows * most_ids).flatten()
    areas = flat.bincount(minlength=samples * most_ids).view(samples, -1).cpu().numpy()
    targets = np.zeros((samples, most_ids), np.int64)
    for row, rng in enumerate(rngs):
        visible = np.nonzero(areas[row] >= max(4, crop**2 // 1000))[0]
        chosen = rng.permutation(visible[visible > 0])[:most]
        targets[row, chosen] = 1 + np.arange(len(chosen))
    table = torch.from_numpy(targets).to(ids.device)
    labels = table.gather(1, ids.flatten(1)).view_as(ids)
    return labels, [bool(row.any()) for row in targets]
