"""All frames of a batch cut out of their pictures together, wherever those lie."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kmn_cli.data.augment import MEAN_COLOUR
from kmn_cli.data.store import FrameStore

LARGEST_AVERAGE = 4  # samples a side of what becomes one pixel
OUTSIDE = sum(
    round(255 * part) << shift for part, shift in zip(MEAN_COLOUR, (0, 8, 16), strict=True)
)


class Cut(NamedTuple):
    """One square to cut out of one frame."""

    store: FrameStore
    frame: int
    matrix: np.ndarray  # 3x3, source pixels to crop units with the origin in the crop's centre
    region: np.ndarray | None  # (h, w) bool, stretched over the frame in place of its labels


def warp(cuts: Sequence[Cut], crop: int) -> tuple[Tensor, Tensor]:
    """Cuts squares out of frames of any sizes, in one go a data set and degree of shrinking.

    Args:
        cuts: the squares.
        crop: their side in pixels.

    Returns:
        Images (n, 3, crop, crop) float32, RGB in [0, 1], bilinear, mean colour outside the frame;
        labels (n, crop, crop) uint8, the nearest pixel's, 0 outside. On the stores' device.
    """
    cuts = _unpacked(cuts)
    device = cuts[0].store.pixels.device
    images = torch.empty(len(cuts), 3, crop, crop, device=device)
    labels = torch.empty(len(cuts), crop, crop, dtype=torch.uint8, device=device)
    alike: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, cut in enumerate(cuts):
        alike[id(cut.store), _samples(cut.matrix, crop)].append(number)
    for (_, samples), numbers in alike.items():
        group = [cuts[number] for number in numbers]
        places = _places(group, device)
        rows = torch.tensor(numbers, device=device)
        images[rows] = _read_colours(group[0].store, places, crop, samples)
        labels[rows] = _read_labels(group[0].store, places, crop)
    drawn = {number: cut.region for number, cut in enumerate(cuts) if cut.region is not None}
    if drawn:
        places = _places([cuts[number] for number in drawn], device)
        rows = torch.tensor(list(drawn), device=device)
        labels[rows] = _read_regions(np.stack(list(drawn.values())), places, crop)
    return images, labels


def _unpacked(cuts: Sequence[Cut]) -> list[Cut]:
    """The same cuts, of decoded frames where their store keeps packed ones."""
    packed = {(id(c.store), c.frame): c.store for c in cuts if c.store.is_packed}
    if not packed:
        return list(cuts)
    frames = [store[frame] for (_, frame), store in packed.items()]
    ends = np.cumsum([frame.size for frame in frames]).tolist()
    places = [(end - f.size, *f.shape[:2]) for end, f in zip(ends, frames, strict=True)]
    pixels = torch.from_numpy(np.concatenate([frame.ravel() for frame in frames]))
    decoded = FrameStore(pixels, places, [])
    numbers = {key: number for number, key in enumerate(packed)}
    return [
        c._replace(store=decoded, frame=numbers[id(c.store), c.frame]) if c.store.is_packed else c
        for c in cuts
    ]


class _Places(NamedTuple):
    """Where squares lie in the pixels of a store, one row a cut."""

    offset: Tensor  # (n, 1, 1) int64, in pixels
    height: Tensor  # (n, 1, 1) int64
    width: Tensor
    to_source: Tensor  # (n, 2, 3), crop units to source pixels

    def at(self, side: int) -> tuple[Tensor, Tensor]:
        """Source x and y, (n, side, side), of a crop's pixel centres; a frame starts at 0."""
        centres = (torch.arange(side, device=self.offset.device) + 0.5) / side - 0.5
        across, down = centres[None, None], centres[None, :, None]
        x, y = (
            row[:, 0, None, None] * across + row[:, 1, None, None] * down + row[:, 2, None, None]
            for row in self.to_source.unbind(1)
        )
        return x, y

    def read(self, store: FrameStore, x: Tensor, y: Tensor) -> Tensor:
        """Whole pixels as int32, (n, side, side): red in the lowest byte, object id in the highest.

        Mean colour and background outside of the frame.
        """
        inside = (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
        pixel = (y * self.width).add_(x).add_(self.offset).masked_fill_(~inside, 0)
        return store.pixels.view(torch.int32)[pixel].masked_fill_(~inside, OUTSIDE)


def _places(cuts: Sequence[Cut], device: torch.device) -> _Places:
    frames = np.array([cut.store.frames[cut.frame] for cut in cuts])
    inverse = np.stack([np.linalg.inv(cut.matrix)[:2] for cut in cuts])
    offset, height, width = torch.from_numpy(frames).to(device)[..., None, None].unbind(1)
    return _Places(offset // 4, height, width, torch.from_numpy(inverse).float().to(device))


def _samples(matrix: np.ndarray, crop: int) -> int:
    """How many samples a side are averaged to a pixel, where a frame is shrunk."""
    scale = crop * math.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    return min(LARGEST_AVERAGE, max(1, math.ceil(0.75 / scale)))


def _read_colours(store: FrameStore, places: _Places, crop: int, samples: int) -> Tensor:
    """Images (n, 3, crop, crop) in [0, 1]: bilinear, or where they shrink a mean of many pixels."""
    x, y = places.at(crop * samples)
    if samples > 1:
        colours = _planes(places.read(store, x.floor().long(), y.floor().long()))
        return functional.avg_pool2d(colours, samples)
    x, y = x - 0.5, y - 0.5
    left, top = x.floor(), y.floor()
    image = torch.zeros(len(x), 3, crop, crop, device=x.device)
    for across, x_share in ((0, 1 - (x - left)), (1, x - left)):
        for down, y_share in ((0, 1 - (y - top)), (1, y - top)):
            four = places.read(store, left.long() + across, top.long() + down)
            image.addcmul_(_planes(four), (x_share * y_share)[:, None])
    return image


def _planes(four: Tensor) -> Tensor:
    """Packed pixels (n, h, w) to RGB (n, 3, h, w) in [0, 1]."""
    return torch.stack([four >> shift & 255 for shift in (0, 8, 16)], 1) / 255


def _read_labels(store: FrameStore, places: _Places, crop: int) -> Tensor:
    """Labels (n, crop, crop) uint8."""
    x, y = (at.floor().long() for at in places.at(crop))
    return (places.read(store, x, y) >> 24 & 255).to(torch.uint8)


def _read_regions(regions: np.ndarray, places: _Places, crop: int) -> Tensor:
    """Regions (n, h, w) bool as labels of 0 and 1, (n, crop, crop) uint8."""
    x, y = places.at(crop)
    grid = torch.stack([2 * x / places.width - 1, 2 * y / places.height - 1], -1)
    stretched = torch.from_numpy(regions).to(x.device)[:, None].float()
    soft = functional.grid_sample(stretched, grid, align_corners=False)
    return (soft[:, 0] > 0.5).to(torch.uint8)
