"""Frames that are followed backwards, before the way forwards takes up what was found there."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kmn_cli.batch.directions import Directions
from kmn_cli.batch.opened import Opened
from kmn_cli.batch.result import BACKWARD
from kmn_cli.inference.both_ways import AnswerSpool, Backward, Stretch
from kmn_cli.inference.object_report import ObjectReport
from kmn_cli.inference.pipeline import PipelineStats, run_pipeline
from kmn_cli.inference.saved_state import SavedState
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.backwards import Backwards
from kmn_cli.media.video import Frame


@dataclass(frozen=True)
class WayBack:
    """Follows the stretches of one video backwards.

    Attributes:
        video: what is segmented.
        directions: of the run.
        run: everything but the masks that decides the results.
        make_segmenter: makes a fresh one.
        make_state: of a folder, what decides, a segmenter and more.
        want_soft: keep soft maps, too.
        on_frame: called after each frame.
    """

    video: Opened
    directions: Directions
    run: Mapping[str, Any]
    make_segmenter: Callable[[], VideoSegmenter]
    make_state: Callable[..., SavedState]
    want_soft: bool
    on_frame: Callable[[Frame], None]

    def follow(self, start: int) -> tuple[Backward | None, list[PipelineStats]]:
        """Find what the frames from `start` on need; it lies below `folder` until `clear`."""
        spools, done = [], []
        for stretch in self.directions.needed(start):
            spool, stats = self._follow(stretch)
            spools.append((stretch, spool))
            done += stats
        if not spools:
            return None, []
        masks = self.video.masks
        return Backward(spools, masks.given, masks.absent, masks.object_ids), done

    def clear(self) -> None:
        """Remove what was found: the way forwards has taken it up."""
        shutil.rmtree(self.video.job.folder / BACKWARD, ignore_errors=True)

    def _follow(self, stretch: Stretch) -> tuple[AnswerSpool, list[PipelineStats]]:
        plan = self.video.masks
        # A way back is told from another by the name of its folder.
        masks = self.directions.deciding_back(stretch)
        said = json.dumps([self.run, masks, plan.object_ids, self.want_soft], sort_keys=True)
        name = f"{stretch.top}-{stretch.first}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"
        spool = AnswerSpool(self.video.job.folder / BACKWARD / name, wants_soft=self.want_soft)
        if spool.path(stretch.first).exists():
            return spool, []
        spool.folder.mkdir(parents=True, exist_ok=True)
        segmenter = self.make_segmenter()
        state = self.make_state(
            spool.folder,
            deciding=lambda stop: masks,
            segmenter=segmenter,
            report=ObjectReport((), ()),
            every=self.video.settings.save_every,
            kept=1,
        )
        stop = stretch.top + 1
        if (restored := state.restore(stop)) is not None:
            stop = restored.stop - 1
        frames = Backwards(self.video.reader.info, stretch.first, stop, spool.folder)
        stats = run_pipeline(
            frames,
            segmenter,
            [spool],
            plan,
            absent_from=plan.absent_from,
            object_ids=plan.object_ids,
            on_frame=self.on_frame,
            saver=state,
        )
        state.remove()
        return spool, [stats]
