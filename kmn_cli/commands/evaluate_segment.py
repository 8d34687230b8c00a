"""`kmn evaluate` without --results: segment the benchmark first."""

from __future__ import annotations

from pathlib import Path

from kmn_cli.batch.claim import claim
from kmn_cli.commands.console import Console
from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.page import memory
from kmn_cli.evaluation.segmentation import BenchmarkRun
from kmn_cli.inference.measure import peak_memory
from kmn_cli.inference.segmenter import SegmentOptions
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
        """Segment what is not finished yet into `out`, and say how fast it went."""
        console = self.console

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
                    one = run.segment(video, progress.advance)
                    console.detail(
                        f"{video.name}: {one.frames} frames, {one.frames_per_second:.2f} fps"
                    )
        runs = [run.runs[video.name] for video in self.benchmark.videos]
        frames, seconds = sum(r.frames for r in runs), sum(r.seconds for r in runs)
        console.note(
            f"{out}: {frames} frames, {frames / seconds:.2f} fps in the network, "
            f"peak memory {memory(max(r.peak_memory for r in runs))}"
        )
