"""A video that is about to be segmented: looked at, with its masks checked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kmn_cli.batch.events import Event, Tell
from kmn_cli.batch.job import Job, Settings, identity
from kmn_cli.batch.mask_plan import MaskPlan
from kmn_cli.inference.loaded import LoadedNetwork
from kmn_cli.media.video import VideoReader

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """A video that is about to be segmented.

    Attributes:
        job, settings, network: what is to be done.
        reader: of its frames.
        masks: of the video, checked.
        identity: the entries of result.json that say what is done.
        tell: is told what happens.
        warnings: what went wrong without costing a frame.
    """

    job: Job
    settings: Settings
    network: LoadedNetwork
    reader: VideoReader
    masks: MaskPlan
    identity: Mapping[str, Any]
    tell: Tell
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Note what the user should look at."""
        self.warnings.append(text)
        log.warning(text)

    def happened(self, name: str, **facts: Any) -> None:
        """Tell what happened to this video."""
        self.tell(Event(name, {"input": str(self.job.video.path), **facts}))


def open_job(
    job: Job, settings: Settings, network: LoadedNetwork, reader: VideoReader, tell: Tell
) -> Opened:
    """Look at the video that a reader reads, and at its masks.

    Raises:
        InputError: a mask is missing, or cannot be used.
    """
    info = reader.info
    masks = job.plan_masks(settings, info)
    size = f"{info.width}x{info.height} at {info.fps:.3f} fps"
    objects = ", ".join(map(str, masks.object_ids))
    log.debug("%s: %s frames of %s, objects %s", job.video.path, info.frames, size, objects)
    run = identity(info, masks, settings, network)
    return Opened(job, settings, network, reader, masks, run, tell)
