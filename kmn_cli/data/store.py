"""Decoded frames in one flat uint8 file: read once, mapped into memory or put on the GPU."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from kmn_cli.data.scan import Pair, Scan, read_pair
from kmn_cli.errors import InputError
from kmn_cli.files import atomic_path

CHANNELS = 4  # red, green, blue, object id
AHEAD = 256  # frames decoded before they are written


@dataclass(frozen=True)
class FrameStore:
    """Frames of many clips with their labels.

    Attributes:
        pixels: every frame's (H, W, 4) uint8, RGB and object id, end to end.
        frames: (offset, H, W) of each frame.
        clips: frame numbers of each clip, in time order; a still image is a clip of one.
        host: the same pixels where NumPy can read them, if `pixels` are elsewhere.
    """

    pixels: Tensor
    frames: list[tuple[int, int, int]]
    clips: list[list[int]]
    host: Tensor | None = None

    def __getitem__(self, frame: int) -> np.ndarray:
        """One frame, (H, W, 4) uint8, without waiting for a device."""
        offset, height, width = self.frames[frame]
        flat = self._host[offset : offset + height * width * CHANNELS].numpy()
        return flat.reshape(height, width, CHANNELS)

    def to(self, device: torch.device) -> FrameStore:
        """The same frames on a device."""
        return FrameStore(self.pixels.to(device), self.frames, self.clips, self._host)

    @property
    def _host(self) -> Tensor:
        return self.pixels if self.host is None else self.host


def build_store(scan: Scan, folder: Path, short_side: int) -> FrameStore:
    """Decodes a scan into `folder`, or opens what an earlier call left there.

    Args:
        scan: what to decode; frames that turn out unusable are added to its `skipped`.
        folder: where stores are kept; each has a name of its own made from its contents.
        short_side: larger frames are reduced to this short side in pixels.

    Raises:
        InputError: no clip is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / _fingerprint(scan.clips, short_side)
    index, data = base.with_suffix(".json"), base.with_suffix(".bin")
    if not index.exists():
        _decode(scan, index, data, short_side)
    content = json.loads(index.read_text())
    for reason, (count, example) in content["skipped"].items():
        scan.skipped[reason] = count
        scan.examples[reason] = Path(example)
    if not content["clips"]:
        raise InputError("No usable training sample is left.", "\n".join(scan.notes()))
    # Copy-on-write, because torch wants a writable array; nobody writes.
    pixels = torch.from_numpy(np.memmap(data, dtype=np.uint8, mode="c"))
    return FrameStore(pixels, [tuple(frame) for frame in content["frames"]], content["clips"])


def _decode(scan: Scan, index: Path, data: Path, short_side: int) -> None:
    frames: list[tuple[int, int, int]] = []
    clips: list[list[int]] = []
    offset = 0
    decoded = _decode_in_threads([pair for clip in scan.clips for pair in clip], short_side)
    with atomic_path(data) as partial, partial.open("wb") as file:
        for clip in scan.clips:
            numbers: list[int] = []
            for pair in clip:
                frame = next(decoded)
                if isinstance(frame, str):
                    scan.skip(frame, pair.image)
                    continue
                if len(clip) == 1 and (reason := _useless(frame[..., 3])):
                    scan.skip(reason, pair.mask)
                    continue
                numbers.append(len(frames))
                frames.append((offset, *frame.shape[:2]))
                offset += file.write(frame.tobytes())
            if len(numbers) == 1 == len(clip) or len(numbers) >= 3:
                clips.append(numbers)
            elif len(clip) > 1:
                scan.skip("video with fewer than 3 readable frames", clip[0].image.parent)
    skipped = {why: (count, str(scan.examples[why])) for why, count in scan.skipped.items()}
    with atomic_path(index) as partial:
        partial.write_text(json.dumps({"frames": frames, "clips": clips, "skipped": skipped}))


def _decode_in_threads(pairs: list[Pair], short_side: int) -> Iterator[np.ndarray | str]:
    """Frames in order, a bounded number of them ahead of the reader."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(pairs), AHEAD):
            part = pairs[start : start + AHEAD]
            yield from pool.map(lambda pair: _decode_one(pair, short_side), part)


def _decode_one(pair: Pair, short_side: int) -> np.ndarray | str:
    """A frame, or why it cannot be used."""
    try:
        frame = read_pair(pair)
    except InputError as error:
        return error.message.split(": ", 1)[-1].rstrip(".")
    height, width = frame.shape[:2]
    scale = short_side / min(height, width)
    if scale >= 1:
        return frame
    size = (round(width * scale), round(height * scale))
    image = cv2.resize(frame[..., :3], size, interpolation=cv2.INTER_AREA)
    labels = cv2.resize(frame[..., 3], size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.dstack([image, labels])


def _useless(labels: np.ndarray) -> str | None:
    if not labels.any():
        return "empty mask"
    return "mask that covers the whole image" if labels.all() else None


def _fingerprint(clips: Sequence[Sequence[Pair]], short_side: int) -> str:
    """A name that changes with any file of the data set."""
    digest = hashlib.sha256(f"v2 {short_side}".encode())
    for clip in clips:
        for pair in clip:
            for path in (pair.image, pair.mask):
                stat = path.stat()
                digest.update(f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        digest.update(b"\n")
    return digest.hexdigest()[:16]
