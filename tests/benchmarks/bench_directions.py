"""Backwards against forwards: the first mask followed on, and the last one followed back.

    python -m tests.benchmarks.bench_directions ROOT SEQUENCE... [--size N] [--weights W]

ROOT is laid out like DAVIS (JPEGImages/480p, Annotations/480p). Prints J&F of the frames whose mask
was not given; an object counts where the ground truth shows it in the given frame.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from kmn_cli.api import LoadedNetwork, load_network, segment_video
from kmn_cli.evaluation.sequence import SequenceTask, score_sequence
from kmn_cli.media.labels import read_ids


def measure(root: Path, name: str, network: LoadedNetwork, size: int | None) -> list[float]:
    """J&F of a sequence, forwards and backwards."""
    frames = root / "JPEGImages" / "480p" / name
    truth = sorted((root / "Annotations" / "480p" / name).glob("*.png"))
    options = network.options() if size is None else network.options(size=size)
    found = []
    for given, direction in ((truth[0], "forward"), (truth[-1], "both")):
        binary = set(np.unique(read_ids(given))) <= {0, 255}
        ids = tuple(int(i) for i in np.unique(read_ids(given, binary=binary)) if i)
        rest = tuple(path for path in truth if path != given)
        with TemporaryDirectory() as folder:
            settings = {"formats": ("masks",), "direction": direction, "save_every": 0.0}
            how = {"network": network, "options": options, **settings}
            segment_video(frames, {given.stem: given}, folder, **how)
            task = SequenceTask(name, rest, Path(folder) / "masks", ids, binary=binary)
            found.append(score_sequence(task).jf_mean)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("root", type=Path)
    parser.add_argument("sequences", nargs="+")
    parser.add_argument("--size", type=int)
    parser.add_argument("--weights")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    network = load_network(options.weights, options.device)
    scores = []
    for name in options.sequences:
        scores.append(measure(options.root, name, network, options.size))
        print("{}: forwards {:.3f}, backwards {:.3f}".format(name, *scores[-1]), flush=True)
    print("mean: forwards {:.3f}, backwards {:.3f}".format(*np.mean(scores, 0)))


if __name__ == "__main__":
    main()
