"""The data sets of a training, opened and told about."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import torch

from kmn_cli.commands.console import Console
from kmn_cli.data.scan import scan_stills, scan_videos
from kmn_cli.data.scene import Source
from kmn_cli.data.store import build_store
from kmn_cli.errors import InputError, UsageError
from kmn_cli.media.layouts import holds_videos
from kmn_cli.media.split_files import DAVIS_VAL
from kmn_cli.platforms import cache_folder
from kmn_cli.training.recipe import Recipe


def open_sources(
    data: list[str],
    recipe: Recipe,
    split: str | None,
    val: str,
    cache: Path | None,
    console: Console,
) -> list[Source]:
    """Scans and decodes the data sets, saying what is in them and what is not usable.

    Sequences that `--val` scores are left out of training, whatever data set names them.
    """
    held_out = set(val.rpartition(":")[2].split(","))
    sources = []
    for root, weight in map(_root_and_weight, data):
        is_video = holds_videos(root, split)
        if is_video and recipe.stage == "pretrain":
            raise InputError(f"{root} holds videos.", "Pre-train on still images, or --stage main.")
        if is_video:
            scan = scan_videos(root, split=split, held_out=held_out)
            if scored := sorted(scan.names & DAVIS_VAL):
                console.warn(
                    f"{root}: trains on {', '.join(scored)}, which DAVIS val scores: hold them out "
                    "with --val or --split, or do not report scores on DAVIS."
                )
        else:
            scan = scan_stills(root)
        kept = cache or cache_folder() / "frames"
        store = build_store(scan, kept, recipe.short_side, console.progress, console.note)
        kind = "videos" if is_video else "images"
        console.note(f"{root}: {len(store.clips)} {kind}, {len(store.frames)} frames")
        for note in scan.notes():
            console.warn(f"{root}: {note}")
        sources.append(Source(store, weight, recipe.motion(is_video)))
    if recipe.stage == "main" and not any(len(s.store.clips[0]) > 1 for s in sources):
        raise InputError("The main stage needs at least one data set of videos.", "Add one.")
    return sources


def _root_and_weight(text: str) -> tuple[Path, float]:
    """A folder, and how often it is drawn: 1 where it is not said, as DIR=WEIGHT."""
    folder, equals, number = text.rpartition("=")
    try:
        weight = float(number) if equals else 1.0
    except ValueError:  # of the folder's name
        equals, weight = "", 1.0
    if not 0 < weight < math.inf:
        raise UsageError(
            f"--data {text}: a data set cannot be drawn {number} times as often as others.",
            "Give a number above 0, or leave the data set out.",
        )
    return Path(folder if equals else text), weight


def on_device(sources: list[Source], device: torch.device, console: Console) -> list[Source]:
    """Puts the decoded pictures on a GPU where they fit into half of its free memory."""
    size = sum(source.store.pixels.numel() for source in sources)
    packed = any(source.store.is_packed for source in sources)  # decoded by the processor
    if device.type != "cuda" or packed or size > torch.cuda.mem_get_info(device)[0] / 2:
        return sources
    console.detail(f"{size / 1e9:.1f} GB of pictures on {device}")
    return [dataclasses.replace(s, store=s.store.to(device)) for s in sources]
