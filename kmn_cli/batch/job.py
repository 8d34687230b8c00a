"""One video of a run: what is to be done, and whether it has been done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kmn_cli.batch.both_ways import Directions
from kmn_cli.batch.inputs import Video
from kmn_cli.batch.mask_arguments import MaskArgument, masks_of
from kmn_cli.batch.mask_plan import MaskPlan
from kmn_cli.batch.result import input_bytes, read_result
from kmn_cli.media.video import USUAL, Reading, VideoInfo, VideoReader, open_video

if TYPE_CHECKING:
    from kmn_cli.inference.loaded import LoadedNetwork
    from kmn_cli.inference.segment_options import SegmentOptions


@dataclass(frozen=True)
class Settings:
    """What the options of `kmn segment` say about how, and what is to be written."""

    options: SegmentOptions
    start: str | None
    end: str | None
    formats: tuple[str, ...]
    overwrite: bool = False
    save_every: float = 30.0
    direction: str = "auto"
    reading: Reading = USUAL


@dataclass(frozen=True)
class Job:
    """One video of a run, the --mask arguments, and where its results go."""

    video: Video
    masks: list[MaskArgument]
    alone: bool
    folder: Path

    def open(self, settings: Settings) -> VideoReader:
        """The reader of the frames that are asked for.

        Raises:
            KmnError: the video cannot be read.
        """
        return open_video(
            self.video.path, start=settings.start, end=settings.end, reading=settings.reading
        )

    def plan_masks(self, settings: Settings, info: VideoInfo) -> MaskPlan:
        """The checked masks of the video.

        Raises:
            InputError: there is none, or one cannot be used.
        """
        whole = settings.start is None and settings.end is None
        return MaskPlan(masks_of(self.video, self.masks, self.alone), info, whole=whole)


def identity(
    info: VideoInfo, masks: MaskPlan, settings: Settings, network: LoadedNetwork
) -> dict[str, Any]:
    """The entries of result.json that say what was done: what decides the results."""
    return {
        "input": str(info.path),
        "input_bytes": input_bytes(info.path),
        "settings": {
            **asdict(settings.options),
            "start": settings.start,
            "end": settings.end,
            **settings.reading.to_json(),
            "direction": Directions(settings.direction, masks, info.first).name,
            "masks": masks.checksums,
        },
        "weights": {"name": network.name, "sha256": network.sha256},
    }


def finished(
    folder: Path, run: dict[str, Any], masks: MaskPlan, settings: Settings
) -> dict[str, Any] | None:
    """The result.json of a video that need not be done, or None.

    Args:
        folder: of the results.
        run: its `identity`.
        masks: of the video.

    Raises:
        UsageError: the folder holds the results of something else.
    """
    done = None if settings.overwrite else read_result(folder, run, masks.contents)
    return done if done and set(settings.formats) <= set(done["outputs"]) else None
