"""What --help shows beside the words of each option: groups, and examples to copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

from typer.models import OptionInfo

_PANELS = {
    "Marking": ("mask", "box", "points", "polygon", "from_labelme", "edges"),
    "Input": ("from_file", "frame", "start", "end", "video", "dataset", "split", "sequences"),
    "Output": ("output", "out", "formats", "zip_file", "overwrite", "save_every"),
    "Content": ("objects", "names", "every", "images"),
    "Network": ("size", "view", "direction", "precision", "weights", "device"),
    "Memory": ("memory_every", "max_memory_frames", "sigma", "read"),
    "Recipe": (
        *("preset", "config", "setting", "hide_and_seek", "init", "trunk"),
        *("trunk_weights", "minutes", "iterations", "resume", "cache", "save_minutes"),
    ),
    "Validation": ("val", "val_size", "val_frames", "val_minutes"),
    "Measure": ("results", "compare", "ablation"),
    "Batch": (
        *("shard", "workers", "devices", "engine", "address", "fail_fast", "dry_run", "log"),
    ),
    "Page": ("web", "browser", "port"),
    "Messages": ("quiet", "verbose", "as_json", "debug"),
}
_PANEL_OF = {name: panel for panel, names in _PANELS.items() for name in names}

# Short names of what an option takes leave room for its words at 80 columns.
_METAVARS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}

_EXAMPLES = {
    "segment": (
        "kmn segment dog.mp4 --box 120,80,200,150",
        "kmn segment dog.mp4 --mask dog.png --mask 36=dog-36.png",
        "kmn segment videos/ --mask masks/ --format masks,alpha -o results",
    ),
    "init_mask": (
        "kmn init-mask dog.mp4 --box 120,80,200,150 -o dog.png",
        "kmn init-mask dog.mp4 --frame 36 --points '320,180 -40,60' -o dog-36.png",
        "kmn init-mask dog.mp4 --web -o dog.png",
    ),
    "export_masks": (
        "kmn export-masks kmn-out/dog --to alpha -o dog.mov",
        "kmn export-masks kmn-out --to coco --images --names 1=dog,cat:1=cat",
        "kmn export-masks kmn-out --to contact-sheet",
    ),
    "train": (
        "kmn train --stage pretrain --data DUTS-TR -o stage1 --minutes 60",
        "kmn train --stage main --data DAVIS --init stage1/best.safetensors -o stage2 --minutes 60",
        "kmn train --stage main --data DAVIS -o stage2 --resume",
    ),
    "evaluate": (
        "kmn evaluate DAVIS --protocol davis2017 -o scores",
        "kmn evaluate DAVIS --protocol davis2017 --results masks --compare others",
        "kmn evaluate DAVIS --protocol davis2016 --ablation --weights my.safetensors",
    ),
    "edit": (
        "kmn edit dog.mp4",
        "kmn edit kmn-out/dog",
        "kmn edit dog.mp4 --size 480 -o results",
    ),
    "doctor": ("kmn doctor", "kmn doctor --device cuda:0", "kmn doctor --json"),
}


def add_help(command: Callable[..., Any]) -> dict[str, Any]:
    """Group a command's options, and return what `Typer.command` needs to show its examples."""
    hints = get_type_hints(command, include_extras=True)
    for name, hint in hints.items():
        for about in getattr(hint, "__metadata__", ()):
            if isinstance(about, OptionInfo):
                about.rich_help_panel = _PANEL_OF.get(name)
                about.metavar = about.metavar or _metavar(get_args(hint)[0])
    command.__annotations__ = hints  # else they would be read anew from the text
    lines = _EXAMPLES.get(command.__name__, ())
    return {"epilog": "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))}


def _metavar(kind: Any) -> str | None:
    """Return what stands for a value of a type, which may be optional; None is typer's own."""
    return next((_METAVARS[each] for each in (kind, *get_args(kind)) if each in _METAVARS), None)
