"""Batches of three-frame clips, each sample a pure function of (seed, step, number).

A sample is made of layers. The first is a whole scene, from a video or from one still image warped
three times; further layers are objects cut from other sources and pasted over it, moving on their
own: they occlude, and are further objects or distractors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kmn_cli.data.augment import WarpRange, jitter_colours, place, warp
from kmn_cli.data.hide_and_seek import hidden_cells, hide
from kmn_cli.data.store import FrameStore
from kmn_cli.errors import InputError

MAX_DRAWS = 50
LAYER_IDS = 256  # ids of a layer start at a multiple of this
FRAMES = 3


@dataclass(frozen=True)
class Source:
    """One data set of a mixture.

    Attributes:
        store: its frames.
        weight: how often it is drawn, relative to the others.
        motion: how far the frames of a clip are warped against each other.
    """

    store: FrameStore
    weight: float
    motion: WarpRange


@dataclass(frozen=True)
class ClipSettings:
    """How clips are drawn at one moment of the training.

    Attributes:
        crop: side of the samples in pixels.
        zoom: range of the crop's magnification; 1 shows the whole short side.
        jitter: strength of the colour jitter.
        max_skip: most frames left out between two frames of a video clip.
        max_objects: most objects of a sample.
        multi_object: share of batches with more than one object.
        paste: share of samples with pasted objects.
        hide_probability: of a Hide-and-Seek cell; 0 turns it off.
        hide_grid: cells a side.
        hide_fill: "mean" or "black".
        hide_independent: whether each frame hides cells of its own.
        hide_first: whether the first frame hides cells too.
    """

    crop: int
    zoom: tuple[float, float]
    jitter: float
    max_skip: int
    max_objects: int
    multi_object: float
    paste: float
    hide_probability: float
    hide_grid: int
    hide_fill: str
    hide_independent: bool
    hide_first: bool


class Batch(NamedTuple):
    """Training samples on one device."""

    frames: Tensor  # (B, 3, 3, S, S) float32 RGB in [0, 1]
    labels: Tensor  # (B, 3, S, S) int64, 0 background, 1 … K objects
    present: Tensor  # (B, K) bool


def draw_batch(
    sources: Sequence[Source], settings: ClipSettings, seed: int, step: int, numbers: Sequence[int]
) -> Batch:
    """Draws the samples `numbers` of a step; all of them have at most the step's object count."""
    chance = np.random.default_rng((seed, step))
    several = settings.max_objects > 1 and chance.random() < settings.multi_object
    most = int(chance.integers(2, settings.max_objects + 1)) if several else 1
    samples = [
        draw_sample(sources, settings, most, np.random.default_rng((seed, step, number)))
        for number in numbers
    ]
    labels = torch.stack([labels for _, labels in samples])
    present = torch.stack([(labels[:, 0] == k + 1).flatten(1).any(1) for k in range(most)], 1)
    return Batch(torch.stack([frames for frames, _ in samples]), labels, present)


def draw_sample(
    sources: Sequence[Source], settings: ClipSettings, most: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """One clip of up to `most` objects, each visible in the first frame.

    Returns:
        Frames (3, 3, S, S) in [0, 1] and labels (3, S, S) int64.

    Raises:
        InputError: no object is ever visible in a first frame.
    """
    for _ in range(MAX_DRAWS):
        frames, labels = _draw_layers(sources, settings, most, rng)
        frames = jitter_colours(frames, settings.jitter, rng)
        if settings.hide_probability > 0:
            hidden = hidden_cells(
                rng,
                FRAMES,
                settings.hide_grid,
                settings.hide_probability,
                settings.hide_independent,
            )
            hidden[0] &= settings.hide_first
            cells = torch.from_numpy(hidden).to(labels.device)
            frames, labels = hide(frames, labels, cells, settings.hide_fill)
        ids, areas = labels[0].unique(return_counts=True)
        # An object of a few pixels in the first frame says nothing of what to follow.
        enough = (areas >= max(4, settings.crop**2 // 1000)) & (ids > 0)
        visible = ids[enough].cpu().numpy()
        if len(visible):
            chosen = rng.permutation(visible)[:most]
            targets = torch.zeros_like(labels)
            for new, old in enumerate(chosen, start=1):
                targets[labels == int(old)] = new
            return frames, targets
    raise InputError(
        f"No object was visible in {MAX_DRAWS} drawn samples.",
        "The masks may be almost empty; look at the pictures that the scan lists.",
    )


def _draw_layers(
    sources: Sequence[Source], settings: ClipSettings, most: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """A scene with objects pasted over it: frames (3, 3, S, S), labels (3, S, S)."""
    frames, labels = _draw_layer(sources, settings, rng, zoom=1.0)
    pasted = int(rng.random() < settings.paste)
    if most > 1:
        # A video may have several objects of its own; only what it lacks is pasted.
        pasted = max(0, most - int((labels[0].unique() > 0).sum()))
    for layer in range(1, pasted + 1):
        over, ids = _draw_layer(sources, settings, rng, zoom=rng.uniform(0.4, 1.0))
        frames = torch.where((ids > 0)[:, None], over, frames)
        labels = torch.where(ids > 0, ids + layer * LAYER_IDS, labels)
    return frames, labels


def _draw_layer(
    sources: Sequence[Source], settings: ClipSettings, rng: np.random.Generator, zoom: float
) -> tuple[Tensor, Tensor]:
    """Three warped frames of one clip, (3, 3, S, S), with their labels (3, S, S) int64."""
    weights = np.array([source.weight for source in sources])
    source = sources[rng.choice(len(sources), p=weights / weights.sum())]
    clip = source.store.clips[rng.integers(len(source.store.clips))]
    numbers = [clip[0]] * FRAMES if len(clip) == 1 else _in_time_order(clip, settings.max_skip, rng)
    first = source.store[numbers[0]]
    size = (first.shape[0], first.shape[1])
    zoom *= rng.uniform(*settings.zoom)
    view = place(size, _anchor(first[..., 3], zoom, rng), zoom, flip=rng.random() < 0.5)
    planes = torch.stack(
        [warp(source.store[n], source.motion.draw(rng) @ view, settings.crop) for n in numbers]
    )
    return planes[:, :3], planes[:, 3].long()


def _in_time_order(clip: list[int], max_skip: int, rng: np.random.Generator) -> list[int]:
    """Three frames with at most `max_skip` frames left out between two of them."""
    skip = min(max_skip, (len(clip) - FRAMES) // (FRAMES - 1))
    gaps = rng.integers(1, skip + 2, FRAMES - 1)
    start = rng.integers(len(clip) - gaps.sum())
    return [clip[start], *(clip[start + gap] for gap in gaps.cumsum())]


def _anchor(labels: Tensor, zoom: float, rng: np.random.Generator) -> tuple[float, float]:
    """A pixel (x, y) of an object, moved so that the crop leaves the frame as little as it can."""
    height, width = labels.shape
    half = min(height, width) / zoom / 2
    rows, columns = np.nonzero(labels.cpu().numpy())
    if len(rows) == 0:
        return width / 2, height / 2
    pick = rng.integers(len(rows))
    x, y = (
        min(max(at + 0.5, half), side - half) if side > 2 * half else side / 2
        for at, side in ((columns[pick], width), (rows[pick], height))
    )
    return x, y
