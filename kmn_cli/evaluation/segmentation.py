"""Segments the videos of a benchmark by the paper's protocol, one finished sequence at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from kmn_cli.batch.same_input import input_sample
from kmn_cli.errors import InputError, UsageError
from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.checks import check_segmentable
from kmn_cli.evaluation.given_masks import GivenMasks, given_files
from kmn_cli.evaluation.run_log import NAME, RunLog, SequenceRun
from kmn_cli.evaluation.sequence import shorten
from kmn_cli.files import put_in_place
from kmn_cli.inference.measure import peak_memory, reset_peak_memory
from kmn_cli.inference.pipeline import run_pipeline
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.media.labels import Labels, read_mask
from kmn_cli.media.layouts import Video
from kmn_cli.media.sinks import MaskSink
from kmn_cli.media.video import Frame, open_video
from kmn_cli.model.checkpoint import Checkpoint


class BenchmarkRun:
    """The segmentation of a benchmark into a folder of results, `OUT/SEQUENCE/FRAME.png`.

    A sequence appears under its name when it is whole, and is then done again only if its pictures
    or its given masks change.

    Args:
        benchmark: what to segment.
        out: the folder.
        checkpoint: the weights.
        options: how.
        device: to run on.
        overwrite: begin anew.
        tell: is told what takes long before it begins.

    Raises:
        InputError: a video has no pictures, or no mask that shows an object.
        UsageError: the folder holds other results.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        out: Path,
        checkpoint: Checkpoint,
        options: SegmentOptions,
        device: torch.device,
        overwrite: bool = False,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._benchmark, self._out, self._device = benchmark, out, device
        self._options = options
        if overwrite:
            (out / NAME).unlink(missing_ok=True)
        self._log = RunLog(out, _settings(benchmark, checkpoint, options))
        strangers = [video.name for video in benchmark.videos if (out / video.name).exists()]
        if strangers and not overwrite and not (out / NAME).is_file():
            raise UsageError(
                f"{out}: holds results of {strangers[0]} that no run of this command finished.",
                "--results scores them, -o names another folder, --overwrite replaces them.",
            )
        self._forget_outdated(tell)
        check_segmentable(self.left, benchmark.protocol)
        self._network = ready_for_inference(checkpoint.model, device, options.precision, tell)

    @property
    def runs(self) -> Mapping[str, SequenceRun]:
        """The finished sequences."""
        return self._log.runs

    @property
    def left(self) -> list[Video]:
        """The videos still to be segmented."""
        return [video for video in self._benchmark.videos if not self._is_done(video)]

    def segment(self, video: Video, on_frame: Callable[[], None] = lambda: None) -> SequenceRun:
        """Segment one video.

        Raises:
            InputError: a picture cannot be read, or a mask does not fit.
        """
        part, final = self._out / f".{video.name}.part", self._out / video.name
        for leftover in (part, final):
            shutil.rmtree(leftover, ignore_errors=True)
        source = self._source(video)
        given, enlarged = GivenMasks(video, self._benchmark.protocol), self._benchmark.is_enlarged

        def mask_for(frame: Frame) -> Labels | None:
            labels = given(frame.name)
            if labels is None or not enlarged:
                return labels
            return _at_size(labels, frame.image.shape[:2])

        segmenter = VideoSegmenter(self._network, self._options)
        reset_peak_memory(self._device)
        with self._frames(video) as frames:
            stats = run_pipeline(
                frames,
                segmenter,
                [_RequiredMasks(part, video)],
                mask_for,
                object_ids=(),  # no sink asks for probabilities
                on_frame=lambda frame: on_frame(),
            )
        if not segmenter.object_ids:
            raise InputError(f"{video.truth[0]}: no object in the masks of {video.name}.")
        put_in_place(part, final)
        run = SequenceRun(
            frames=stats.frames,
            objects=len(segmenter.object_ids),
            seconds=stats.model_seconds,
            peak_memory=peak_memory(self._device),
        )
        self._log.add(video.name, run, source)
        return run

    @contextmanager
    def _frames(self, video: Video) -> Iterator[Iterable[Frame]]:
        """The pictures, scaled where the paper enlarges them."""
        with open_video(self._pictures(video)[0].parent) as reader:
            enlarged = self._benchmark.is_enlarged
            yield _scaled(reader, self._options.size) if enlarged else reader

    def _pictures(self, video: Video) -> tuple[Path, ...]:
        """Those to segment: where the paper enlarges them, the best there are."""
        return (self._benchmark.is_enlarged and video.full_resolution) or video.frames

    def _source(self, video: Video) -> str:
        """A checksum that tells whether the pictures and given masks of a video have changed."""
        masks = given_files(video, self._benchmark.protocol)
        return input_sample([*self._pictures(video), *masks])

    def _forget_outdated(self, tell: Callable[[str], None]) -> None:
        """Have those sequences done anew whose pictures or given masks are not what they were."""
        done = [video for video in self._benchmark.videos if video.name in self._log.runs]
        noted = [video for video in done if video.name in self._log.sources]
        changed = [v.name for v in noted if self._log.sources[v.name] != self._source(v)]
        for name in changed:
            del self._log.runs[name], self._log.sources[name]
        if changed:
            tell(
                f"{self._out}: pictures or given masks have changed, so these are segmented anew: "
                f"{shorten(changed)}"
            )
        if len(noted) < len(done):
            tell(
                f"{self._out}: an earlier kmn finished {len(done) - len(noted)} of the sequences "
                "without a note of their pictures and masks; if those have changed since, use "
                "--overwrite."
            )

    def _is_done(self, video: Video) -> bool:
        folder = self._out / video.name
        return video.name in self._log.runs and all(
            (folder / f"{name}.png").is_file() for name in video.required
        )


class _RequiredMasks(MaskSink):
    """The masks a submission must hold, at the size and in the palette of the first true one."""

    def __init__(self, folder: Path, video: Video) -> None:
        first = read_mask(video.truth[0], allow_empty=True)
        super().__init__(folder, first.palette)
        self.folder = folder  # itself, and not masks/ in it
        self._shape, self._required = first.labels.shape, frozenset(video.required)

    def write(self, index: int, frame: Frame, labels: Labels, soft: np.ndarray | None) -> None:
        if frame.name in self._required:
            super().write(index, frame, _at_size(labels, self._shape), None)


def _scaled(frames: Iterable[Frame], short_side: int) -> Iterator[Frame]:
    for frame in frames:
        height, width = frame.image.shape[:2]
        scale = short_side / min(height, width)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        size = round(width * scale), round(height * scale)
        yield replace(frame, image=cv2.resize(frame.image, size, interpolation=how))


def _at_size(labels: Labels, shape: tuple[int, ...]) -> Labels:
    """Labels scaled to a height and width."""
    if labels.shape == shape:
        return labels
    how = cv2.INTER_NEAREST_EXACT
    return np.asarray(cv2.resize(labels, shape[::-1], interpolation=how), np.uint8)


def _settings(
    benchmark: Benchmark, checkpoint: Checkpoint, options: SegmentOptions
) -> dict[str, Any]:
    return {
        "data": str(benchmark.root.resolve()),
        "protocol": benchmark.protocol.value,
        "weights": checkpoint.name,
        "sha256": checkpoint.sha256,
        **asdict(options),
    }
