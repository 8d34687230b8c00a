"""How well a box, or a few clicks, give the mask: mean IoU on stills, or on first frames.

    python tests/benchmarks/bench_init_mask.py STILLS [--count 20] [--first 0] [--how click]
    python tests/benchmarks/bench_init_mask.py VIDEOS --sequences bus,soccerball

STILLS (or the variable KMN_STILLS) holds images/ and masks/ with files of the same stems, such as
DUTS. The pictures are shuffled by a fixed seed: the first 100 were held out when the shipped prompt
head was trained (the trunk below it has seen them), those from 100 to 159 served to choose the
numbers of media/grabcut.py. VIDEOS is laid out like DAVIS; each object of the first frame counts.
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
from kmn_cli.media.init_mask import mask_from_prompts
from kmn_cli.media.prompts import Prompts


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stills", nargs="?", default=os.environ.get("KMN_STILLS"))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--how", choices=("box", "click", "points"), default="box")
    parser.add_argument("--sequences", help="of a data set of videos: a,b,c")
    parser.add_argument("--colours", action="store_true", help="without the network")
    options = parser.parse_args()
    if not options.stills or not Path(options.stills).is_dir():
        sys.exit("skipped: name a folder with images/ and masks/, or set KMN_STILLS")
    find = by_colours if options.colours else network_finder("auto", print)
    root = Path(options.stills)
    chosen = first_frames(root, options.sequences.split(",")) if options.sequences else stills(root)
    rng = np.random.default_rng(0)
    scores, seconds, boxes = [], [], []
    for place, (name, image, mask) in enumerate(chosen):
        if place < options.first:
            continue
        if len(scores) == options.count:
            break
        box = cv2.boundingRect(mask.astype(np.uint8))
        if options.how == "click":
            prompts = Prompts(inside=clicks(mask, rng, 1))
        elif options.how == "points":
            prompts = Prompts(inside=clicks(mask, rng, 2), outside=clicks(~mask, rng, 2))
        else:
            prompts = Prompts(box=tuple(map(float, box)))
        start = time.perf_counter()
        found = mask_from_prompts(image, {1: prompts}, find) > 0
        seconds.append(time.perf_counter() - start)
        scores.append((found & mask).sum() / (found | mask).sum())
        boxes.append(mask.sum() / (box[2] * box[3]))
        print(f"{name}  {scores[-1]:.3f}", flush=True)
    print(
        f"{len(scores)} objects: mean IoU {np.mean(scores):.3f}, median {np.median(scores):.3f}, "
        f"worst {np.min(scores):.3f}; {np.median(seconds):.2f} s each "
        f"(the bare box has {np.mean(boxes):.3f})"
    )


if __name__ == "__main__":
    main()
