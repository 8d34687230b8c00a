"""Video object segmentation with a kernelized memory network; see `kmn_cli.api`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmn_cli.api import (
        BatchResult,
        Event,
        Job,
        KmnError,
        LoadedNetwork,
        Mask,
        SegmentedFrame,
        SegmentOptions,
        Settings,
        VideoResult,
        VideoSegmenter,
        Workforce,
        choose_device,
        export_masks,
        find_jobs,
        iter_segment,
        load_network,
        make_job,
        open_video,
        read_mask,
        segment_batch,
        segment_video,
        write_mask,
    )

__version__ = "0.1.0"
__all__ = [
    "BatchResult",
    "Event",
    "Job",
    "KmnError",
    "LoadedNetwork",
    "Mask",
    "SegmentOptions",
    "SegmentedFrame",
    "Settings",
    "VideoResult",
    "VideoSegmenter",
    "Workforce",
    "choose_device",
    "export_masks",
    "find_jobs",
    "iter_segment",
    "load_network",
    "make_job",
    "open_video",
    "read_mask",
    "segment_batch",
    "segment_video",
    "write_mask",
]


def __getattr__(name: str) -> Any:
    # Imported when first asked for: torch takes seconds, `kmn --help` must not.
    if name in __all__:
        return getattr(
            import_module("kmn_cli.errors" if name == "KmnError" else "kmn_cli.api"), name
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
