"""Segments a video from Python: python segment_in_python.py VIDEO MASK.png OUT"""

import sys

import kmn_cli


def main(video: str, mask: str, out: str, weights: str | None = None) -> None:
    network = kmn_cli.load_network(weights)  # once, for any number of videos

    # Files, as `kmn segment` writes them: masks, an overlay video, result.json.
    result = kmn_cli.segment_video(video, mask, out, network=network)
    print(f"{result.folder}: {result.frames} frames, objects {result.object_ids}")
    for warning in result.warnings:
        print("warning:", warning)

    # Or arrays, frame by frame: how much of the picture is each object?
    for index, _, labels, _ in kmn_cli.iter_segment(video, mask, network=network):
        shares = {i: round((labels == i).mean().item(), 3) for i in result.object_ids}
        print(index, shares)


if __name__ == "__main__":
    main(*sys.argv[1:])
