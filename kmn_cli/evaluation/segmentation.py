"""Segments the videos of a benchmark by the paper's protocol, one finished sequence at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from kmn_cli.errors import InputError, UsageError
from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.given_masks import GivenMasks
from kmn_cli.evaluation.labels import Labels, read_labels
from kmn_cli.evaluation.predicted_ids import ids_in
from kmn_cli.evaluation.run_log import NAME, RunLog, SequenceRun
from kmn_cli.files import put_in_place
from kmn_cli.inference.measure import peak_memory, reset_peak_memory
from kmn_cli.inference.pipeline import run_pipeline
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.media.frames import Frame
from kmn_cli.media.images import load_image
from kmn_cli.media.layouts import Video
from kmn_cli.media.masks import write_mask
from kmn_cli.model.checkpoint import Checkpoint


class BenchmarkRun:
    """The segmentation of a benchmark into a folder of results, `OUT/SEQUENCE/FRAME.png`.

    A sequence appears under its name when it is whole, and is then never done again.

    Args:
        benchmark: what to segment.
        out: the folder.
        checkpoint: the weights.
        options: how.
        device: to run on.
        overwrite: begin anew.
        tell: is told what takes long before it begins.

    Raises:
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
        self._network = ready_for_inference(checkpoint.model, device, options.precision, tell)
        self._options = options
        if overwrite:
            (out / NAME).unlink(missing_ok=True)
        self._log = RunLog(out, _settings(benchmark, checkpoint, options))
        strangers = [video.name for video in benchmark.videos if (out / video.name).exists()]
        if strangers and not overwrite and not (out / NAME).is_file():
            raise UsageError(
                f"{out}: holds results of {strangers[0]} that no run of this command finished.",
                "--results scores them, --overwrite replaces them, -o names another folder.",
            )

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
            InputError: it has no frames, no mask, or one that does not fit.
        """
        if not video.frames:
            raise InputError(
                f"{self._benchmark.root}: no pictures of {video.name} to segment.",
                "--results scores masks that are there already.",
            )
        part, final = self._out / f".{video.name}.part", self._out / video.name
        for leftover in (part, final):
            shutil.rmtree(leftover, ignore_errors=True)
        given = GivenMasks(video, self._benchmark.protocol)
        enlarged = self._benchmark.is_enlarged
        segmenter = VideoSegmenter(self._network, self._options)
        reset_peak_memory(self._device)
        stats = run_pipeline(
            _frames(video, self._options.size if enlarged else None),
            segmenter,
            [_ResultSink(part, video, wants_prob=enlarged)],
            lambda frame: _at_size(given(frame.name), frame.image if enlarged else None),
            # Which objects come later is not known before; no probabilities are asked for then.
            object_ids=ids_in(read_labels(video.truth[0])) if enlarged else (),
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
        self._log.add(video.name, run)
        return run

    def _is_done(self, video: Video) -> bool:
        folder = self._out / video.name
        return video.name in self._log.runs and all(
            (folder / f"{name}.png").is_file() for name in video.required
        )


class _ResultSink:
    """Writes the masks a submission must hold, at the size and in the palette of the first one."""

    def __init__(self, folder: Path, video: Video, *, wants_prob: bool) -> None:
        self.wants_prob = wants_prob
        self.warnings: list[str] = []
        self._folder, self._required = folder, frozenset(video.required)
        with load_image(video.truth[0]) as first:
            self._size = first.size
            palette = first.getpalette("RGB") if first.mode == "P" else None
        self._palette = None if palette is None else bytes(palette).ljust(768, b"\0")
        self._ids = np.array([0, *ids_in(read_labels(video.truth[0], binary=False))], np.uint8)

    def __enter__(self) -> _ResultSink:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def write(self, index: int, frame: Frame, labels: Labels, prob: np.ndarray | None) -> None:
        if frame.name not in self._required:
            return
        if prob is not None:
            labels = self._ids[np.argmax([cv2.resize(p, self._size) for p in prob], axis=0)]
        write_mask(self._folder / f"{frame.name}.png", labels, self._palette)


def _frames(video: Video, short_side: int | None) -> Iterator[Frame]:
    """The video's pictures; scaled to a short side from the best there are, where one is given."""
    paths = video.frames if short_side is None else video.full_resolution or video.frames
    for index, path in enumerate(paths):
        image = np.array(load_image(path).convert("RGB"))
        if short_side is not None:
            scale = short_side / min(image.shape[:2])
            size = round(image.shape[1] * scale), round(image.shape[0] * scale)
            shrinks = scale < 1
            image = cv2.resize(
                image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
            )
        yield Frame(index, path.stem, image)


def _at_size(labels: Labels | None, image: np.ndarray | None) -> Labels | None:
    """Labels at the size of an image, where both are given."""
    if labels is None or image is None:
        return labels
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


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
