"""How much faster than vos-benchmark a 480p sequence is scored on one core, with equal numbers.

    python tests/benchmarks/bench_metrics.py [FOLDER OF MASKS]

Prints one JSON document: milliseconds a frame of both, and their ratio, for masks in memory (the
metric alone) and from PNG files (the metric and reading, where decoding is the same for both).
Without a folder of masks, generated ones are used: objects of irregular outline that wander.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from vos_benchmark.benchmark import VideoEvaluator
from vos_benchmark.evaluator import Evaluator

from kmn_cli.evaluation.metrics import frame_scores
from kmn_cli.evaluation.sequence import SequenceTask, score_sequence

HEIGHT, WIDTH, FRAMES, ROUNDS = 480, 854, 40, 5
Labels = np.ndarray


def generated(objects: int) -> list[Labels]:
    """Wandering stars, one an object."""
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radii = rng.uniform(50, 100, (objects, 60))
    starts = np.linspace(150, WIDTH - 150, objects)
    clip = []
    for t in range(FRAMES):
        labels = np.zeros((HEIGHT, WIDTH), np.uint8)
        for k in range(objects):
            x = starts[k] + 2 * t + radii[k] * np.cos(angles)
            y = 240 + 60 * np.sin(t / 9 + k) + radii[k] * np.sin(angles)
            points = np.stack([x, y], axis=1).round().astype(np.int32)
            cv2.fillPoly(labels, [points], k + 1)
        clip.append(labels)
    return clip


def read(folder: Path) -> list[Labels]:
    """The masks of a folder; a 0/255 mask is object 1."""
    masks = [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))[:FRAMES]]
    return [np.where(mask == 255, 1, mask).astype(np.uint8) for mask in masks]


def best(work: Callable[[], object]) -> float:
    """The shortest of some rounds, in milliseconds a frame."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) / (FRAMES - 2) * 1e3


def compare(truth: list[Labels], folder: Path) -> dict[str, dict[str, float]]:
    """Times of both for the truth against itself one frame late, and whether they agree."""
    pred = [np.roll(truth[max(t - 1, 0)], (3, 2), (0, 1)) for t in range(len(truth))]
    ids = tuple(range(1, int(truth[0].max()) + 1))
    for side, clip in (("truth", truth), ("pred", pred)):
        (folder / side / "clip").mkdir(parents=True)
        for t, labels in enumerate(clip):
            image = Image.fromarray(labels, "P")
            image.putpalette(bytes(range(256)) * 3)
            image.save(folder / side / "clip" / f"{t:05d}.png")
    pairs = list(zip(pred, truth, strict=True))[1:-1]

    def their_metric() -> Evaluator:
        evaluator = Evaluator()
        for p, t in pairs:
            evaluator.feed_frame(p, t)
        return evaluator

    def our_metric() -> list[tuple[Labels, Labels]]:
        return [frame_scores(p, t, ids) for p, t in pairs]

    theirs, ours = their_metric(), our_metric()
    for k, object_id in enumerate(ids):
        assert np.allclose(theirs.object_iou[object_id], [j[k] for j, _ in ours], atol=1e-6)
        assert np.allclose(theirs.boundary_f[object_id], [f[k] for _, f in ours], atol=1e-6)
    files = tuple(sorted((folder / "truth" / "clip").iterdir()))[1:-1]
    task = SequenceTask("clip", files, folder / "pred" / "clip", ids, strict_ids=True)
    evaluate = VideoEvaluator(str(folder / "truth"), str(folder / "pred"))
    times = {
        "in_memory": (best(their_metric), best(our_metric)),
        "from_files": (best(lambda: evaluate("clip")), best(lambda: score_sequence(task))),
    }
    return {
        name: {
            "vos_benchmark_ms": round(their_time, 3),
            "kmn_ms": round(our_time, 3),
            "ratio": round(their_time / our_time, 2),
        }
        for name, (their_time, our_time) in times.items()
    }


def measure(folder_of_masks: Path | None = None) -> dict[str, dict[str, dict[str, float]]]:
    """The figures by kind of clip."""
    cv2.setNumThreads(1)
    if folder_of_masks is not None:
        clips = {str(folder_of_masks): read(folder_of_masks)}
    else:
        clips = {f"{n} generated objects": generated(n) for n in (1, 3)}
    figures = {}
    for name, clip in clips.items():
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = compare(clip, Path(folder))
    return figures


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]) if len(sys.argv) > 1 else None), indent=2))
