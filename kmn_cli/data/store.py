"""Decoded frames in one flat file: read once, mapped into memory or put on the GPU."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from kmn_cli.data.decode import CHANNELS, decode_all, reduced_size, unpack
from kmn_cli.data.scan import Pair, Scan
from kmn_cli.data.store_file import StoreFile
from kmn_cli.errors import InputError, KmnError
from kmn_cli.locks import FileLock

VERSION = 3  # of what is decoded and how it is kept
PACK_ABOVE = 32 * 2**30  # bytes: larger sets are kept as JPEG and PNG
PACKED_SHARE = 1 / 8  # of the decoded size, at the most
LOOKED_AT = 64  # pictures, to estimate the size of all


class Steps(Protocol):
    """Counts the frames decoded."""

    def advance(self) -> None: ...


class _Silent:
    def advance(self) -> None: ...


def _show_nothing(what: str, frames: int) -> AbstractContextManager[Steps]:
    return nullcontext(_Silent())


@dataclass(frozen=True)
class FrameStore:
    """Frames of many clips with their labels.

    Attributes:
        pixels: every frame's (H, W, 4) uint8, RGB and object id, end to end; or, packed, every
            frame's JPEG and its labels' PNG. Read-only: a file that is mapped into memory.
        frames: (offset, H, W) of each frame; packed, (offset, bytes of the JPEG, of the PNG).
        clips: frame numbers of each clip, in time order; a still image is a clip of one.
        is_packed: whether a frame is decoded when it is asked for.
        host: the same pixels where NumPy can read them, if `pixels` are elsewhere.
    """

    pixels: Tensor
    frames: list[tuple[int, int, int]]
    clips: list[list[int]]
    is_packed: bool = False
    host: Tensor | None = None

    def __getitem__(self, frame: int) -> np.ndarray:
        """One frame, (H, W, 4) uint8, without waiting for a device."""
        offset, first, second = self.frames[frame]
        host = self.pixels if self.host is None else self.host
        if self.is_packed:
            data = host[offset : offset + first + second].numpy()
            return unpack(data[:first], data[first:])
        flat = host[offset : offset + first * second * CHANNELS].numpy()
        return flat.reshape(first, second, CHANNELS)

    def to(self, device: torch.device) -> FrameStore:
        """The same frames on a device; not for a packed store."""
        return replace(self, pixels=self.pixels.to(device), host=self.pixels)


def build_store(
    scan: Scan,
    folder: Path,
    short_side: int,
    show: Callable[[str, int], AbstractContextManager[Steps]] = _show_nothing,
    tell: Callable[[str], None] = lambda text: None,
) -> FrameStore:
    """Decodes a scan into `folder`, or opens what an earlier call left there, in part or whole.

    Args:
        scan: what to decode; frames that turn out unusable are added to its `skipped`.
        folder: where stores are kept; each has a name of its own made from its contents.
        short_side: larger frames are reduced to this short side in pixels.
        show: opens a display of so many frames to decode, where there are any.
        tell: is told what should be known on the way.

    Raises:
        InputError: no clip is left.
        KmnError: the disk has no room, or cannot be written.
    """
    size = _estimated_size(scan.clips, short_side)
    if is_packed := size > PACK_ABOVE:
        size = round(size * PACKED_SHARE)
    base = folder / _fingerprint(scan.clips, short_side, is_packed)
    lock = FileLock(base.with_suffix(".lock"), tell)
    lock.wait(lambda holder: tell(f"waiting for {holder}, which decodes the same pictures"))
    try:
        file = StoreFile(base)
        if left := scan.clips[len(file.clips) :]:
            _check_room(folder, size - file.size)
            with show(f"decoding about {size / 1e9:.1f} GB", sum(map(len, left))) as steps:
                file.append(left, decode_all(left, short_side, is_packed), steps.advance)
    finally:
        lock.let_go()
    frames: list[tuple[int, int, int]] = []
    clips: list[list[int]] = []
    for clip in file.clips:
        for reason, path in clip.skipped:
            scan.skip(reason, Path(path))
        if clip.frames:
            clips.append([len(frames) + n for n in range(len(clip.frames))])
            frames += [(offset, first, second) for offset, first, second in clip.frames]
    if not clips:
        raise InputError("No usable training sample is left.", "\n".join(scan.notes()))
    return FrameStore(_map(file.data), frames, clips, is_packed)


def _map(path: Path) -> Tensor:
    """A file as (bytes,) uint8: read-only, because a writable map of more than the memory is
    refused by Linux."""
    with warnings.catch_warnings():  # torch fears that somebody writes; nobody does
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(np.memmap(path, np.uint8, "r"))


def _estimated_size(clips: Sequence[Sequence[Pair]], short_side: int) -> int:
    """Bytes of all frames decoded, as some of them tell."""
    pairs = [pair for clip in clips for pair in clip]
    sizes = []
    for pair in pairs[:: len(pairs) // LOOKED_AT + 1]:
        try:
            with Image.open(pair.image) as image:
                width, height = reduced_size(*image.size, short_side)
        except (OSError, ValueError, Image.DecompressionBombError):
            continue  # it will be left out, and said
        sizes.append(width * height * CHANNELS)
    return round(sum(sizes) / max(len(sizes), 1) * len(pairs))


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise KmnError(
            f"{folder}: the decoded pictures need about {needed / 1e9:.1f} GB, "
            f"{free / 1e9:.1f} GB are free.",
            "Name a folder on another disk with --cache, or store smaller pictures with "
            "--set short_side=N.",
        )


def _fingerprint(clips: Sequence[Sequence[Pair]], short_side: int, is_packed: bool) -> str:
    """A name that changes with any file of the data set."""
    digest = hashlib.sha256(f"v{VERSION} {short_side} {is_packed}".encode())
    for clip in clips:
        for pair in clip:
            for path in (pair.image, pair.mask):
                stat = path.stat()
                digest.update(f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        digest.update(b"\n")
    return digest.hexdigest()[:16]
