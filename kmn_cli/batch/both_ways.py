"""Frames that are followed backwards: before the way forwards takes up what was found there."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kmn_cli.batch.mask_plan import MaskPlan
from kmn_cli.batch.result import BACKWARD
from kmn_cli.media.backwards import Backwards
from kmn_cli.media.video import Frame, VideoInfo

if TYPE_CHECKING:
    from kmn_cli.inference.both_ways import AnswerSpool, Backward, Stretch
    from kmn_cli.inference.pipeline import PipelineStats
    from kmn_cli.inference.segmenter import VideoSegmenter


class Directions:
    """Which frames of a video are followed which way.

    Args:
        wanted: "both", "forward" or "auto": frames before the first mask are followed backwards.
        masks: of the video.
        first: index of its first frame.

    Attributes:
        name: for result.json: "forward", "start" (frames before the first mask were followed
            backwards) or "both".
        stretches: what is followed backwards.
    """

    def __init__(self, wanted: str, masks: MaskPlan, first: int) -> None:
        from kmn_cli.inference.both_ways import find_stretches

        self._masks = masks
        self.stretches: list[Stretch] = []
        if wanted != "forward":
            self.stretches = find_stretches(masks.given, first, everywhere=wanted == "both")
        beyond_start = any(stretch.top > min(masks.given) for stretch in self.stretches)
        self.name = "both" if beyond_start else "start" if self.stretches else "forward"

    def needed(self, start: int) -> list[Stretch]:
        """The stretches in which frames from `start` on lie."""
        return [stretch for stretch in self.stretches if stretch.top > start]

    def frames_back(self, start: int) -> int:
        """How many frames are followed backwards for those from `start` on."""
        return sum(stretch.top + 1 - stretch.first for stretch in self.needed(start))

    def deciding(self, stop: int) -> list[str]:
        """What of the masks decides the results of the frames before `stop`."""
        found = self._between(0, stop - 1)
        for stretch in self.stretches:
            if stretch.first < stop:
                found += [f"back {each}" for each in self.deciding_back(stretch)]
        return found

    def deciding_back(self, stretch: Stretch) -> list[str]:
        """What of the masks decides what is found on a way back."""
        return self._between(stretch.first, stretch.top)

    def _between(self, first: int, last: int) -> list[str]:
        sums = self._masks.contents
        return [each for each in sums if first <= int(each.partition(":")[0]) <= last]


@dataclass(frozen=True)
class WayBack:
    """Follows the stretches of one video backwards.

    Attributes:
        folder: of the video's results.
        info: of the video.
        masks, directions: of the run.
        run: everything else that decides the results.
        want_prob: keep probabilities, too.
        make_segmenter: makes a fresh one.
        make_state: of a folder, what decides, and a segmenter.
        on_frame: called after each frame.
    """

    folder: Path
    info: VideoInfo
    masks: MaskPlan
    directions: Directions
    run: Mapping[str, Any]
    want_prob: bool
    make_segmenter: Callable[[], VideoSegmenter]
    make_state: Callable[..., Any]
    on_frame: Callable[[Frame], None]

    def follow(self, start: int) -> tuple[Backward | None, list[PipelineStats]]:
        """Find what the frames from `start` on need; it lies below `folder` until `clear`."""
        from kmn_cli.inference.both_ways import Backward

        spools, done = [], []
        for stretch in self.directions.needed(start):
            spool, stats = self._follow(stretch)
            spools.append((stretch, spool))
            done += stats
        if not spools:
            return None, []
        return Backward(spools, self.masks.given, self.masks.object_ids), done

    def clear(self) -> None:
        """Remove what was found: the way forwards has taken it up."""
        shutil.rmtree(self.folder / BACKWARD, ignore_errors=True)

    def _follow(self, stretch: Stretch) -> tuple[AnswerSpool, list[PipelineStats]]:
        from kmn_cli.inference.both_ways import AnswerSpool
        from kmn_cli.inference.pipeline import run_pipeline

        # A way back is told from another by the name of its folder.
        masks = self.directions.deciding_back(stretch)
        said = json.dumps([self.run, masks, self.masks.object_ids, self.want_prob], sort_keys=True)
        name = f"{stretch.top}-{stretch.first}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"
        spool = AnswerSpool(self.folder / BACKWARD / name, wants_prob=self.want_prob)
        if spool.path(stretch.first).exists():
            return spool, []
        spool.folder.mkdir(parents=True, exist_ok=True)
        segmenter = self.make_segmenter()
        state = self.make_state(spool.folder, deciding=lambda stop: masks, segmenter=segmenter)
        stop = stretch.top + 1
        if (restored := state.restore(stop)) is not None:
            stop = restored.stop - 1
        frames = Backwards(self.info, stretch.first, stop, spool.folder)
        stats = run_pipeline(
            frames,
            segmenter,
            [spool],
            self.masks,
            object_ids=self.masks.object_ids,
            on_frame=self.on_frame,
            saver=state,
        )
        state.remove()
        return spool, [stats]
