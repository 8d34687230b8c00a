"""A GPU in a minute: milliseconds a frame by stage, memory, and frames a second from file to file.

    python -m tests.benchmarks.bench_gpu [--device cuda] [--precision bf16] [--weights FILE]
    python -m tests.benchmarks.bench_gpu --device cpu --rehearse    # small frames, few of them

The roofline is the arithmetic of a frame at the speed of a large product on the same device: no
frame can be faster, and what is far above it waits for something else.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from kmn_cli.inference.captured import WARM_UP
from kmn_cli.inference.device import choose_device
from kmn_cli.inference.measure import peak_memory, reset_peak_memory
from kmn_cli.inference.network import Network
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import FRAMES_AHEAD, SegmentOptions, VideoSegmenter
from kmn_cli.model.checkpoint import load_checkpoint
from kmn_cli.model.memory_read import read_tiled
from tests.benchmarks.attention_read import read_by_attention
from tests.benchmarks.clock import medians, wait
from tests.benchmarks.picture import SIZES, picture_and_mask
from tests.benchmarks.table import Row, show

CASES = (("480p", 1), ("480p", 3), ("480p", 5), ("1080p", 1))
MEMORY = 8  # frames: the mean over a DAVIS sequence
STAGES = ("query encoder", "memory encoder", "read", "decoder", "scaling")
Size = tuple[int, int]


def full_segmenter(
    ready: Network, size: Size, objects: int, *, exact_times: bool
) -> tuple[VideoSegmenter, np.ndarray]:
    """A segmenter whose memory is full, and the frame it has seen."""
    picture, mask = picture_and_mask(size, objects)
    options = SegmentOptions(size=0, max_memory_frames=MEMORY)
    segmenter = VideoSegmenter(ready, options, exact_times=exact_times)
    segmenter.step(picture, mask)
    segmenter.step(picture)
    segmenter.fill_memory(MEMORY)
    for _ in range(WARM_UP + 1):  # then a GPU replays what it did
        segmenter.step(picture)
    return segmenter, picture


def measure_stages(
    ready: Network, name: str, size: Size, objects: int, frames: int, flops: float
) -> Row:
    """Milliseconds of a frame and of its stages, one waited for after the other."""
    reset_peak_memory(ready.device)
    segmenter, picture = full_segmenter(ready, size, objects, exact_times=True)
    segmenter.seconds.clear()
    start = time.perf_counter()
    for _ in range(frames):
        segmenter.step(picture)
    milliseconds = 1e3 * (time.perf_counter() - start) / frames
    taken = {stage: 1e3 * segmenter.seconds[stage] / frames for stage in STAGES}
    peak = peak_memory(ready.device) / 2**20
    with FlopCounterMode(display=False) as counter:
        segmenter.step(picture)
    work = counter.get_total_flops()
    return {
        "size": name,
        "objects": objects,
        **{f"{stage}_ms": value for stage, value in taken.items()},
        "frame_ms": milliseconds,
        "gflop": work / 1e9,
        "roofline_ms": 1e3 * work / flops,
        "peak_mib": peak,
    }


def measure_through(ready: Network, name: str, size: Size, objects: int, frames: int) -> Row:
    """Frames a second of the segmenter as it is driven: looking ahead, waiting for nothing but the
    labels; and of the whole way from a video file to masks, which costs the processor, too."""
    segmenter, picture = full_segmenter(ready, size, objects, exact_times=False)
    for warm in (True, False):
        start = time.perf_counter()
        for _ in _driven(segmenter, picture, (WARM_UP + 1) * FRAMES_AHEAD if warm else frames):
            pass
        wait()
    row: dict[str, float | str | None] = {
        "size": name,
        "objects": objects,
        "segmenter_fps": frames / (time.perf_counter() - start),
        "file_to_masks_fps": None,
    }
    if find_spec("av") and find_spec("imageio_ffmpeg"):  # a bare machine may have neither
        row["file_to_masks_fps"] = _file_to_masks(ready, size, objects, frames)
    return row


def _driven(segmenter: VideoSegmenter, picture: np.ndarray, frames: int) -> Iterator[object]:
    for start in range(0, frames, segmenter.frames_ahead):
        ahead = min(segmenter.frames_ahead, frames - start)
        if ahead > 1:
            segmenter.look_ahead([picture] * ahead)
        yield from (segmenter.step(picture) for _ in range(ahead))


def _file_to_masks(ready: Network, size: Size, objects: int, frames: int) -> float:
    from kmn_cli.inference.pipeline import run_pipeline
    from kmn_cli.media.result_formats import open_sinks
    from kmn_cli.media.video import open_video
    from tests.benchmarks.bench_pictures import draw_clip

    _, mask = picture_and_mask(size, objects)
    ids = tuple(range(1, objects + 1))
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        draw_clip(clip, size[1], size[0], frames)
        with open_video(clip) as reader:
            stats = run_pipeline(
                reader,
                VideoSegmenter(ready, SegmentOptions(size=0, max_memory_frames=MEMORY)),
                open_sinks(["masks"], Path(folder), reader.info, None, lambda: ids),
                lambda frame: None if frame.index else mask,
                object_ids=ids,
            )
    return stats.frames / stats.total_seconds


def measure_read(
    name: str, size: Size, objects: int, kind: torch.dtype, device: torch.device
) -> Row:
    """Milliseconds of a read from a full memory, by tiles and by torch's attention."""
    torch.manual_seed(0)
    height, width = (side // 16 for side in size)
    cells = MEMORY * height * width
    query = torch.randn(128, height, width, device=device)
    key = torch.randn(objects, cells, 128, device=device)
    value = torch.randn(objects, cells, 512, device=device, dtype=kind)
    reads = [partial(read, query, key, value, 7.0) for read in (read_tiled, read_by_attention)]
    with torch.inference_mode():
        tiles, attention = medians(reads, 5)
        ours, theirs = (read() for read in reads)
    return {
        "size": name,
        "objects": objects,
        "tiles_ms": 1e3 * tiles,
        "attention_ms": 1e3 * attention,
        "difference": ((theirs - ours).norm() / ours.norm()).item(),
    }


def arithmetic(device: torch.device, precision: str, side: int) -> float:
    """Operations a second in a product of two square matrices."""
    kind = _kind(precision)
    a = torch.randn(side, side, device=device, dtype=kind)
    [seconds] = medians([lambda: a @ a], 5)
    return 2 * side**3 / seconds


def _kind(precision: str) -> torch.dtype:
    return torch.bfloat16 if precision == "bf16" else torch.float32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--weights", help="the shipped ones where none are given")
    parser.add_argument("--rehearse", action="store_true", help="small and short")
    options = parser.parse_args()
    device, reason = choose_device(options.device)
    ready = ready_for_inference(load_checkpoint(options.weights).model, device, options.precision)
    frames, side = (3, 512) if options.rehearse else (40, 8192)
    sizes: dict[str, Size] = {"480p": (64, 96), "1080p": (96, 160)} if options.rehearse else SIZES
    flops = arithmetic(device, options.precision, side)
    print(f"{device} ({reason}), {options.precision}, {flops / 1e12:.1f} TFLOP/s in a product")
    cases = [(name, sizes[name], objects) for name, objects in CASES]
    show("Stages", [measure_stages(ready, *case, frames, flops) for case in cases])
    kind = _kind(options.precision)
    show("Read", [measure_read(*case, kind, device) for case in cases])
    show("From end to end", [measure_through(ready, *case, frames) for case in cases])


if __name__ == "__main__":
    main()
