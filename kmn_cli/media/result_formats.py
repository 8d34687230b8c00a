"""The formats of results by the names that --format takes, and the sink that writes each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from kmn_cli.errors import UsageError
from kmn_cli.media.frames import VideoInfo
from kmn_cli.media.sinks import (
    AlphaSink,
    CutoutSink,
    MaskSink,
    ObjectIds,
    OverlaySink,
    Sink,
    SoftSink,
)


class _Results(NamedTuple):
    """Of one video."""

    folder: Path
    info: VideoInfo
    palette: bytes | None
    object_ids: ObjectIds


_SINKS: dict[str, tuple[type[Sink], Callable[[_Results], Sink]]] = {
    "masks": (MaskSink, lambda of: MaskSink(of.folder, of.palette)),
    "overlay": (OverlaySink, lambda of: OverlaySink(of.folder, of.info, of.palette)),
    "soft": (SoftSink, lambda of: SoftSink(of.folder, of.object_ids)),
    "cutout": (CutoutSink, lambda of: CutoutSink(of.folder)),
    "alpha": (AlphaSink, lambda of: AlphaSink(of.folder, of.info)),
}
FORMATS = tuple(_SINKS)


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """The formats of results that are meant, each once.

    Raises:
        UsageError: there is none, or one is unknown.
    """
    wanted = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise UsageError(
            f"--format {','.join(names)}: unknown {', '.join(unknown) or 'nothing'}.",
            f"Choose from {', '.join(FORMATS)}, separated by commas.",
        )
    return wanted


def want_soft(formats: Sequence[str]) -> bool:
    """Whether one of the formats, which must be known, is made from soft maps."""
    return any(_SINKS[name][0].wants_soft for name in formats)


def open_sinks(
    formats: Sequence[str],
    folder: Path,
    info: VideoInfo,
    palette: bytes | None,
    object_ids: ObjectIds,
) -> list[Sink]:
    """Return the sinks of the named formats; the caller enters and leaves their contexts.

    Args:
        formats: of masks, overlay, soft, cutout, alpha; a repeated name counts once.
        folder: where the results of this video go.
        info: the source.
        palette: colours of the ids, 768 bytes RGB; None is the VOC palette.
        object_ids: returns the ids of the soft maps 1..K, in order; may grow at its end.

    Raises:
        UsageError: for an unknown format.
    """
    results = _Results(folder, info, palette, object_ids)
    return [_SINKS[name][1](results) for name in check_formats(formats)]
