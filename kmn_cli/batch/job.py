"""One video of a run: what is to be done, and whether it has been done."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kmn_cli.batch.directions import Directions
from kmn_cli.batch.given_masks import MasksLike, to_arguments
from kmn_cli.batch.inputs import Video, find_inputs
from kmn_cli.batch.mask_arguments import MaskArgument, masks_of
from kmn_cli.batch.mask_plan import MaskPlan
from kmn_cli.batch.result import read_result
from kmn_cli.batch.same_input import input_bytes, input_files, input_sample
from kmn_cli.errors import UsageError
from kmn_cli.media.result_formats import check_formats
from kmn_cli.media.video import USUAL, Reading, VideoInfo, VideoReader, open_video

if TYPE_CHECKING:
    from kmn_cli.inference.loaded import LoadedNetwork
    from kmn_cli.inference.segment_options import SegmentOptions


@dataclass(frozen=True)
class Settings:
    """How a video is segmented, and what is written.

    Attributes:
        options: of the network.
        start: the first frame to read: seconds, "hh:mm:ss.x" or "120f"; None is the beginning.
        end: the first frame not to read, likewise.
        formats: of "masks", "overlay", "soft", "cutout", "alpha".
        overwrite: make results anew that are there already.
        save_every: seconds between saves of what an interrupted run needs to go on; 0 never does.
        direction: "auto" follows the objects of the first mask backwards, too, if there are frames
            before it; "both" those of later masks as well; "forward" leaves those frames empty.
        reading: of what a source leaves open: the rate of pictures, interlaced rows.
    """

    options: SegmentOptions
    start: str | None = None
    end: str | None = None
    formats: tuple[str, ...] = ("masks", "overlay")
    overwrite: bool = False
    save_every: float = 30.0
    direction: str = "auto"
    reading: Reading = USUAL

    def __post_init__(self) -> None:
        """Raises UsageError for a format that there is not."""
        object.__setattr__(self, "formats", check_formats(self.formats))


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


def make_job(video: str | Path, masks: MasksLike, folder: str | Path | None = None) -> Job:
    """The job that one video is.

    Args:
        video: a video file, or a folder of frames.
        masks: of the first frame, or by frame; a folder holds masks named like the frames.
        folder: of its results; None is kmn-out/NAME.

    Raises:
        InputError: the video or a mask does not exist.
        UsageError: there are several videos, or no mask.
    """
    found = find_inputs([str(video)]).videos
    if len(found) > 1:
        raise UsageError(f"{video} holds {len(found)} videos.", "Take them one by one.")
    where = Path("kmn-out") / found[0].name if folder is None else Path(folder)
    return Job(found[0], to_arguments(masks), True, where)


def find_jobs(
    inputs: str | Path | Sequence[str | Path], masks: MasksLike, output: str | Path = "kmn-out"
) -> list[Job]:
    """The jobs that videos are: files, folders of frames, folders of videos, globs.

    Args:
        inputs: where the videos are; a folder is searched with its sub-folders.
        masks: a folder with a mask, or a folder of masks, named like each video.
        output: each video's results go to a folder of its name below it.

    Raises:
        InputError: something does not exist, or two videos share a name.
        UsageError: there is no video, or no mask.
    """
    listed = [inputs] if isinstance(inputs, (str, Path)) else inputs
    apart = [Path(output), *([Path(masks)] if isinstance(masks, (str, Path)) else [])]
    found = find_inputs([str(each) for each in listed], apart=apart)
    for file in found.left_out:
        logging.getLogger(__name__).warning("%s is left out: %s", file.path, file.reason)
    alone = len(found.videos) == 1
    arguments = to_arguments(masks, alone=alone)
    return [Job(video, arguments, alone, Path(output) / video.name) for video in found.videos]


def identity(
    info: VideoInfo, masks: MaskPlan, settings: Settings, network: LoadedNetwork
) -> dict[str, Any]:
    """The entries of result.json that say what was done: what decides the results."""
    return {
        "input": str(info.path),
        "input_bytes": input_bytes(info.path),
        "input_contents": input_sample(input_files(info.path)),
        "settings": {
            **asdict(settings.options),
            "start": settings.start,
            "end": settings.end,
            **asdict(settings.reading),
            "direction": Directions(settings.direction, masks, info.first).name,
            "masks": masks.checksums,
        },
        "weights": {"name": network.name, "sha256": network.sha256},
    }


def finished(
    folder: Path, run: Mapping[str, Any], masks: MaskPlan, settings: Settings
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
