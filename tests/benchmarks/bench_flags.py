"""How many failures are flagged, and how many good frames are doubted: sequences with known masks.

    python tests/benchmarks/bench_flags.py ROOT SEQUENCE... [--weights W]

ROOT is laid out like DAVIS (JPEGImages/480p, Annotations/480p). A failure is a run of frames in
which an object's J is below 0.5; it is flagged if a sign of its object is given in it or in the
five frames before. A sign elsewhere is false.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kmn_cli.inference.loaded import load_network
from kmn_cli.inference.object_report import LOOK_BACK_EVERY, SIGNS, WEAK, ObjectReport
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.frames import Frame

BEFORE = 5  # frames that a sign may come too early


def judge(
    entry: Mapping[str, Any], scores: Sequence[float], skip: Collection[int] = ()
) -> dict[str, int]:
    """Count what an object's signs say about its frames.

    Args:
        entry: of `ObjectReport.to_json`.
        scores: J of each frame.
        skip: frames that are not counted.
    """
    signs = {i for sign in SIGNS for i in entry[sign]}
    held = entry["self_check"] is None or entry["self_check"] >= WEAK
    bad = [j < 0.5 for j in scores]
    failures = flagged = 0
    near: set[int] = set()
    for start in (i for i, is_bad in enumerate(bad) if is_bad and (i == 0 or not bad[i - 1])):
        stop = next((i for i in range(start, len(bad)) if not bad[i]), len(bad))
        window = set(range(start - BEFORE, stop))
        failures += 1
        flagged += bool(signs & window) or not held
        near |= window
    good = [i for i, is_bad in enumerate(bad) if not is_bad and i not in skip]
    return {
        "failures": failures,
        "flagged": flagged,
        "bad frames": sum(bad),
        "good frames": len(good),
        "falsely flagged": len(signs & set(good) - near),
        "doubted from the start": int(not held),
        "of these good throughout": int(not held and not any(bad)),
    }


def follow(root: Path, name: str, network: Any) -> list[dict[str, int]]:
    """Segment a sequence and judge its objects."""
    pictures = sorted((root / "JPEGImages" / "480p" / name).iterdir())
    masks = [_labels(path) for path in sorted((root / "Annotations/480p" / name).glob("*.png"))]
    ids = [int(i) for i in np.unique(np.stack(masks)) if i]
    enters = {i: next(t for t, mask in enumerate(masks) if (mask == i).any()) for i in ids}
    report = ObjectReport(ids, set(enters.values()))
    segmenter = VideoSegmenter(network.ready, network.options())
    scores: dict[int, list[float]] = {i: [] for i in ids}
    for t, (path, truth) in enumerate(zip(pictures, masks, strict=True)):
        image = np.asarray(Image.open(path).convert("RGB"))
        new = [i for i in ids if enters[i] == t]
        given = np.where(np.isin(truth, new), truth, 0) if new else None
        labels = segmenter.step(image, given).labels
        report.write(t, Frame(t, path.stem, image), labels, None)
        if new or t % LOOK_BACK_EVERY == 0:
            report.looked_back(t, segmenter.look_back())
        for i in ids:
            found, wanted = labels == i, truth == i
            either = (found | wanted).sum()
            scores[i].append(1.0 if not either else float((found & wanted).sum() / either))
    return [
        judge(entry, scores[entry["id"]], skip={enters[entry["id"]]}) for entry in report.to_json()
    ]


def _labels(path: Path) -> np.ndarray:
    labels = np.asarray(Image.open(path)).astype(np.uint8)
    return np.where(labels == 255, 1, labels).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("root", type=Path)
    parser.add_argument("sequences", nargs="+")
    parser.add_argument("--weights")
    options = parser.parse_args()
    network = load_network(options.weights)
    total: dict[str, int] = {}
    for name in options.sequences:
        for number, counts in enumerate(follow(options.root, name, network), 1):
            print(f"{name} {number}: {counts}", flush=True)
            total = {key: total.get(key, 0) + value for key, value in counts.items()}
    print(f"together: {total}")


if __name__ == "__main__":
    main()
