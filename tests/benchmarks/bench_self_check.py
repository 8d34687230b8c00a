"""Does a network read the mask it was just given? The self-check on first frames of videos.

    python -m tests.benchmarks.bench_self_check ROOT:SEQ,SEQ [ROOT:SEQ ...] [--weights kmn]
        [--size N] [--sigma S] [--precision auto]

Each video's first frame is segmented from its own mask; the table has the IoU of every object with
it. Marks: 0.90 for every video, 0.95 for their mean. Beside it stands what a single pixel around
the objects would cost: the mean IoU of the masks with themselves one pixel wider.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from kmn_cli.data.scan import read_pair, scan_videos
from kmn_cli.inference.device import choose_device
from kmn_cli.inference.network import Network
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.model import load_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="+", metavar="ROOT:SEQ,SEQ")
    parser.add_argument("--weights", default="kmn")
    parser.add_argument("--size", type=int)
    parser.add_argument("--sigma", type=float)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device, _ = choose_device(options.device)
    model = load_checkpoint(options.weights).model
    changes = {name: getattr(options, name) for name in ("size", "sigma") if getattr(options, name)}
    chosen = replace(SegmentOptions.best_for(model.config), **changes)
    ready = ready_for_inference(model, device, options.precision)
    print(f"size {chosen.size}, sigma {chosen.sigma}\n")
    print("| video | mean | a pixel wider | objects |\n|---|---|---|---|")
    means = []
    for videos in options.videos:
        root, _, names = videos.rpartition(":")
        for clip in scan_videos(Path(root), names.split(",")).clips:
            first = read_pair(clip[0])
            mask = first[..., 3]
            answers = _from_its_own_mask(ready, first[..., :3], mask, chosen)
            means.append(np.mean(answers))
            pixel = np.mean([_a_pixel_wider(mask == i) for i in np.unique(mask[mask > 0])])
            objects = " ".join(f"{iou:.2f}" for iou in answers)
            print(f"| {clip[0].image.parent.name} | {means[-1]:.3f} | {pixel:.3f} | {objects} |")
    print(f"| mean | {np.mean(means):.3f} | | worst {min(means):.3f} |")


def _from_its_own_mask(
    network: Network, frame: np.ndarray, mask: np.ndarray, options: SegmentOptions
) -> list[float]:
    """IoU of each object's mask with what is found when memory and query are the same picture."""
    segmenter = VideoSegmenter(network, options)
    segmenter.step(frame, mask)
    found = segmenter.step(frame).labels
    pairs = [(found == i, mask == i) for i in segmenter.object_ids]
    return [float((ours & given).sum() / (ours | given).sum()) for ours, given in pairs]


def _a_pixel_wider(mask: np.ndarray) -> float:
    """IoU of a mask (H, W) bool with itself and the pixels beside it."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return float(mask.sum() / cv2.dilate(mask.astype(np.uint8), cross).sum())


if __name__ == "__main__":
    main()
