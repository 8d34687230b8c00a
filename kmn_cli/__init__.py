"""Video object segmentation with a kernelized memory network."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
    from kmn_cli.media.video import open_video
    from kmn_cli.model.checkpoint import load_checkpoint
    from kmn_cli.model.kmn import KMN

__version__ = "0.1.0"
__all__ = ["KMN", "SegmentOptions", "VideoSegmenter", "load_checkpoint", "open_video"]

_HOME = {
    "KMN": "kmn_cli.model.kmn",
    "SegmentOptions": "kmn_cli.inference.segmenter",
    "VideoSegmenter": "kmn_cli.inference.segmenter",
    "load_checkpoint": "kmn_cli.model.checkpoint",
    "open_video": "kmn_cli.media.video",
}


def __getattr__(name: str) -> Any:
    # Imported when first asked for: torch takes seconds, `kmn --help` must not.
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
