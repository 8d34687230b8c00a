"""`kmn evaluate` without --results: segment the benchmark first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from kmn_cli.batch.claim import claim
from kmn_cli.batch.run import LISTED
from kmn_cli.batch.worker import free_memory
from kmn_cli.commands.console import Console
from kmn_cli.errors import BatchError
from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.checks import without
from kmn_cli.evaluation.page import memory
from kmn_cli.evaluation.segmentation import BenchmarkRun
from kmn_cli.inference.measure import peak_memory
from kmn_cli.inference.segmenter import SegmentOptions
from kmn_cli.media.layouts import Video
from kmn_cli.model.checkpoint import Checkpoint, load_checkpoint
from kmn_cli.platforms import keep_freed_memory


class Segmenting:
    """Segments one benchmark on one device, as often as asked."""

    def __init__(
        self, benchmark: Benchmark, device: str, console: Console, *, overwrite: bool
    ) -> None:
        keep_freed_memory()
        self.benchmark, self.console = benchmark, console
        self._device = console.choose_device(device)
        self._overwrite = overwrite

    def load(self, weights: str | None) -> Checkpoint:
        """Load weights and say which."""
        checkpoint = load_checkpoint(weights)
        self.console.detail(f"weights: {checkpoint.path} (sha256 {checkpoint.sha256})")
        return checkpoint

    def run(self, checkpoint: Checkpoint, options: SegmentOptions, out: Path) -> None:
        """Segment what is not finished yet into `out`, and say how fast it went.

        Raises:
            BatchError: some of several sequences failed; all others are finished.
            KmnError: the only sequence failed, or nothing can be segmented.
        """
        console = self.console
        failed: dict[str, str] = {}

        def told(holder: str) -> None:
            console.note(f"{out}: waiting for {holder}, which works on it")

        with claim(out, wait=True, on_wait=told, warn=console.warn):
            run = BenchmarkRun(
                self.benchmark,
                out,
                checkpoint,
                options,
                self._device,
                overwrite=self._overwrite,
                tell=console.note,
            )
            left = run.left
            done = len(self.benchmark.videos) - len(left)
            if done:
                console.note(f"{out}: {done} of {len(self.benchmark.videos)} sequences are done")
            total = sum(len(video.frames) for video in left)
            with console.progress(
                out.name, total, peak=lambda: peak_memory(self._device)
            ) as progress:
                for video in left:
                    message = self._attempt(run, video, progress.advance)
                    if message is not None:
                        failed[video.name] = message
                        free_memory()  # only now: until here the exception held it
        if failed:
            console.result({"failed": failed})
            raise self._failure(failed)
        runs = [run.runs[video.name] for video in self.benchmark.videos]
        frames, seconds = sum(r.frames for r in runs), sum(r.seconds for r in runs)
        console.note(
            f"{out}: {frames} frames, {frames / seconds:.2f} fps in the network, "
            f"peak memory {memory(max(r.peak_memory for r in runs))}"
        )

    def _attempt(self, run: BenchmarkRun, video: Video, on_frame: Callable[[], None]) -> str | None:
        """Segment one video; where it is one of several and fails, return why."""
        try:
            one = run.segment(video, on_frame)
        except Exception as error:
            if len(self.benchmark.videos) == 1:
                raise
            self.console.note(f"{video.name} failed:")
            return self.console.error(error).message
        self.console.detail(f"{video.name}: {one.frames} frames, {one.frames_per_second:.2f} fps")
        return None

    def _failure(self, failed: Mapping[str, str]) -> BatchError:
        """What to do about sequences that failed, by their messages."""
        again = "the same command" + (" without --overwrite" if self._overwrite else "")
        count = f"{len(failed)} of {len(self.benchmark.videos)} sequences"
        lines = [f"{count} failed, so there are no scores and no zip:"]
        lines += [f"{name}: {message}" for name, message in list(failed.items())[:LISTED]]
        if len(failed) > LISTED:
            lines.append(f"… and {len(failed) - LISTED} more")
        return BatchError(
            "\n  ".join(lines),
            f"Those are of all sequences. Once mended, {again} does just what failed; "
            f"{without(failed)} goes on with the others.",
        )
