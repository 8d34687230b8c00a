"""Three frames of a video beside what was found: python plot_three_frames.py VIDEO MASK.png OUT.png

Needs matplotlib: pip install matplotlib
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import kmn_cli


def main(video: str, mask: str, out: str, weights: str | None = None) -> None:
    network = kmn_cli.load_network(weights)
    # One pass; only every tenth frame is kept, so that a long video fits into memory.
    frames = kmn_cli.iter_segment(video, mask, network=network, want_prob=True)
    kept = [frame for frame in frames if frame.frame_index % 10 == 0]
    chosen = [kept[0], kept[len(kept) // 2], kept[-1]]

    figure, axes = plt.subplots(2, 3, figsize=(12, 5), layout="constrained")
    for (above, below), frame in zip(axes.T, chosen, strict=True):
        above.imshow(frame.image)
        above.imshow(np.ma.masked_equal(frame.labels, 0), "tab10", alpha=0.6, vmin=1, vmax=10)
        above.set_title(f"frame {frame.frame_index}")
        below.imshow(1 - frame.prob[0], "magma", vmin=0, vmax=1)
        below.set_title("certainty of the objects")
        for axis in (above, below):
            axis.set_axis_off()
    figure.savefig(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
