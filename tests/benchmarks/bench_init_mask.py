"""How well a box, or a few clicks, give the mask: mean IoU on stills, or on first frames.

    python tests/benchmarks/bench_init_mask.py STILLS [--count 20] [--first 0] [--how click]
    python tests/benchmarks/bench_init_mask.py VIDEOS --sequences bus,soccerball
    python tests/benchmarks/bench_init_mask.py STILLS --how missing    # or extra

STILLS (or the variable KMN_STILLS) holds images/ and masks/ with files of the same stems, such as
DUTS. The pictures are shuffled by a fixed seed: the first 100 were held out when the shipped prompt
head was trained (the trunk below it has seen them), those from 100 to 159 served to choose the
numbers of media/grabcut.py. VIDEOS is laid out like DAVIS; each object of the first frame counts.
`missing` corrects the true mask without its left or right half by one click in that half, `extra`
the mask with a rim on one side by one click on the rim.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from kmn_cli.batch.first_mask import network_finder
from kmn_cli.media.edges import by_colours
from kmn_cli.media.init_mask import correct_mask, mask_from_prompts
from kmn_cli.media.prompts import Prompts

HOW = ("box", "click", "points", "missing", "extra")


def stills(root: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield name, image (H, W, 3) and mask (H, W) bool of pictures with one whole object."""
    pictures = {path.stem: path for path in (root / "images").iterdir()}
    paths = sorted((root / "masks").glob("*.png"))
    random.Random(0).shuffle(paths)
    for path in paths:
        mask = np.asarray(Image.open(path).convert("L")) > 127
        if not 0.02 < mask.mean() < 0.6:
            continue
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        if stats[1:, cv2.CC_STAT_AREA].max() >= 0.98 * mask.sum():
            yield path.stem, np.asarray(Image.open(pictures[path.stem]).convert("RGB")), mask


def first_frames(root: Path, names: list[str]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the same of the objects of sequences' first frames."""
    for name in names:
        path = min((root / "Annotations" / "480p" / name).glob("*.png"))
        labels = np.asarray(Image.open(path)).astype(np.uint8)
        picture = next((root / "JPEGImages" / "480p" / name).glob(f"{path.stem}.*"))
        image = np.asarray(Image.open(picture).convert("RGB"))
        for object_id in np.unique(labels[labels > 0]).tolist():
            yield f"{name} {object_id}", image, labels == object_id


def clicks(
    mask: np.ndarray, rng: np.random.Generator, count: int
) -> tuple[tuple[float, float], ...]:
    """Return places well inside a mask, as a person clicks."""
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    places = np.argwhere(depth >= 0.3 * depth.max())
    return tuple((float(x), float(y)) for y, x in places[rng.integers(len(places), size=count)])


def wrong_mask(mask: np.ndarray, how: str, rng: np.random.Generator) -> tuple[np.ndarray, Prompts]:
    """Return a mask that lacks a half of another, or has more, and a click amid the error."""
    x, _, width, height = cv2.boundingRect(mask.astype(np.uint8))
    right = np.arange(mask.shape[1]) >= x + width // 2
    side = right if rng.random() < 0.5 else ~right
    rim = np.ones((2 * max(3, round(0.08 * max(width, height))) + 1,) * 2, np.uint8)
    wider = cv2.dilate(mask.astype(np.uint8), rim).view(bool)
    wrong = mask & ~side if how == "missing" else mask | (wider & side)
    depth = cv2.distanceTransform(np.pad(wrong ^ mask, 1).astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    click = ((float(column - 1), float(row - 1)),)
    return wrong, Prompts(inside=click) if how == "missing" else Prompts(outside=click)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stills", nargs="?", default=os.environ.get("KMN_STILLS"))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--how", choices=HOW, default="box")
    parser.add_argument("--sequences", help="of a data set of videos: a,b,c")
    parser.add_argument("--colours", action="store_true", help="without the network")
    options = parser.parse_args()
    if not options.stills or not Path(options.stills).is_dir():
        sys.exit("skipped: name a folder with images/ and masks/, or set KMN_STILLS")
    find = by_colours if options.colours else network_finder("auto", print)
    root = Path(options.stills)
    chosen = first_frames(root, options.sequences.split(",")) if options.sequences else stills(root)
    rng = np.random.default_rng(0)
    scores, seconds, before = [], [], []
    for place, (name, image, mask) in enumerate(chosen):
        if place < options.first:
            continue
        if len(scores) == options.count:
            break
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
        given = np.zeros_like(mask)
        given[y : y + height, x : x + width] = True
        if options.how == "click":
            prompts = Prompts(inside=clicks(mask, rng, 1))
        elif options.how == "points":
            prompts = Prompts(inside=clicks(mask, rng, 2), outside=clicks(~mask, rng, 2))
        elif options.how == "box":
            prompts = Prompts(box=(float(x), float(y), float(width), float(height)))
        else:
            given, prompts = wrong_mask(mask, options.how, rng)
        start = time.process_time()
        if options.how in ("missing", "extra"):
            found = correct_mask(given.astype(np.uint8), image, {1: prompts}, find) > 0
        else:
            found = mask_from_prompts(image, {1: prompts}, find) > 0
        seconds.append(time.process_time() - start)
        scores.append(iou(found, mask))
        before.append(iou(given, mask))
        print(f"{name}  {scores[-1]:.3f}", flush=True)
    print(
        f"{len(scores)} objects: mean IoU {np.mean(scores):.3f}, median {np.median(scores):.3f}, "
        f"worst {np.min(scores):.3f}; {np.median(seconds):.2f} CPU seconds each "
        f"(the bare box, or the mask before, has {np.mean(before):.3f})"
    )


if __name__ == "__main__":
    main()
