"""Segments a video from Python: python segment_in_python.py VIDEO MASK.png OUT"""

import sys
from pathlib import Path

from kmn_cli import VideoSegmenter, load_checkpoint, open_video
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.media.masks import read_mask, write_mask


def main(video: Path, first_mask: Path, out: Path, weights: str | None = None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    segmenter = VideoSegmenter(ready_for_inference(load_checkpoint(weights).model))
    with open_video(video) as frames:
        mask = read_mask(first_mask, (frames.info.width, frames.info.height))
        for frame in frames:
            given = mask.labels if frame.index == 0 else None
            labels = segmenter.step(frame.image, given).labels
            write_mask(out / f"{frame.name}.png", labels, mask.palette)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
