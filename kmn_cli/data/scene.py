"""What a sample shows, drawn on the host: pictures, crops, motion, colours, hidden cells.

A sample is made of layers. The first is a whole scene, from a video or from one still image warped
three times; further layers are objects cut from other sources and pasted over it, moving on their
own: they occlude, and are further objects or distractors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kmn_cli.data.augment import WarpRange, draw_jitter, place
from kmn_cli.data.hide_and_seek import hidden_cells
from kmn_cli.data.region import draw_region
from kmn_cli.data.store import FrameStore
from kmn_cli.data.warp import Cut

FRAMES = 3
COARSE = 4  # of so many rows and columns, one tells where objects are


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
        region: share of stills whose target is an arbitrary region.
        same_frame: share of samples whose three frames are one.
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
    region: float
    same_frame: float
    hide_probability: float
    hide_grid: int
    hide_fill: str
    hide_independent: bool
    hide_first: bool


class Scene(NamedTuple):
    """One sample, ready to be painted."""

    layers: list[list[Cut]]  # from the scene up, each of three frames
    jitter: np.ndarray  # (3, 3), of each frame
    hidden: np.ndarray  # (3, grid, grid) bool


def draw_scene(
    sources: Sequence[Source], settings: ClipSettings, most: int, rng: np.random.Generator
) -> Scene:
    """Draws one sample that offers up to `most` objects."""
    scene, objects = _draw_layer(sources, settings, rng, zoom=1.0)
    pasted = int(rng.random() < settings.paste)
    if most > 1:
        # A video may have several objects of its own; only what it lacks is pasted.
        pasted = max(0, most - objects)
    over = [
        _draw_layer(sources, settings, rng, zoom=rng.uniform(0.4, 1.0))[0] for _ in range(pasted)
    ]
    hidden = np.zeros((FRAMES, settings.hide_grid, settings.hide_grid), bool)
    is_still = len({cut.frame for cut in scene}) == 1
    if is_still and settings.hide_probability > 0:
        hidden = hidden_cells(
            rng, FRAMES, settings.hide_grid, settings.hide_probability, settings.hide_independent
        )
        hidden[0] &= settings.hide_first
    return Scene([scene, *over], draw_jitter(settings.jitter, FRAMES, rng), hidden)


def _draw_layer(
    sources: Sequence[Source], settings: ClipSettings, rng: np.random.Generator, zoom: float
) -> tuple[list[Cut], int]:
    """Three frames of one clip, and how many objects they offer."""
    weights = np.array([source.weight for source in sources])
    source = sources[rng.choice(len(sources), p=weights / weights.sum())]
    store = source.store
    clip = store.clips[rng.integers(len(store.clips))]
    numbers = [clip[0]] * FRAMES if len(clip) == 1 else _in_time_order(clip, settings.max_skip, rng)
    motions = [source.motion.draw(rng) for _ in numbers]
    if rng.random() < settings.same_frame:
        numbers, motions = numbers[:1] * FRAMES, motions[:1] * FRAMES
    region = draw_region(rng) if len(clip) == 1 and rng.random() < settings.region else None
    labels = store[numbers[0]][..., 3]
    coarse = labels[::COARSE, ::COARSE]
    objects = 1 if region is not None else len(np.unique(coarse[coarse > 0]))
    zoom *= rng.uniform(*settings.zoom)
    shown = region if region is not None else coarse if coarse.any() else labels
    view = place(labels.shape, _anchor(shown, labels.shape, zoom, rng), zoom, rng.random() < 0.5)
    cuts = [
        Cut(store, number, motion @ view, region)
        for number, motion in zip(numbers, motions, strict=True)
    ]
    return cuts, objects


def _in_time_order(clip: list[int], max_skip: int, rng: np.random.Generator) -> list[int]:
    """Three frames with at most `max_skip` frames left out between two of them."""
    skip = min(max_skip, (len(clip) - FRAMES) // (FRAMES - 1))
    gaps = rng.integers(1, skip + 2, FRAMES - 1)
    start = rng.integers(len(clip) - gaps.sum())
    return [clip[start], *(clip[start + gap] for gap in gaps.cumsum())]


def _anchor(
    shown: np.ndarray, size: tuple[int, int], zoom: float, rng: np.random.Generator
) -> tuple[float, float]:
    """A point (x, y) of an object, moved so that the crop leaves the frame as little as it can.

    Args:
        shown: (h, w), nonzero where objects are, of any resolution.
        size: height and width of the frame.
        zoom: crops per short side.
        rng: source of chance.
    """
    half = min(size) / zoom / 2
    places = np.flatnonzero(shown)
    if len(places) == 0:
        return size[1] / 2, size[0] / 2
    row, column = divmod(int(places[rng.integers(len(places))]), shown.shape[1])
    x, y = (
        min(max((at + 0.5) * side / count, half), side - half) if side > 2 * half else side / 2
        for at, count, side in (
            (column, shown.shape[1], size[1]),
            (row, shown.shape[0], size[0]),
        )
    )
    return x, y
