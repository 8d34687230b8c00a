"""One method's results on a benchmark: its scores, and how it ran where that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.checks import check_scorable
from kmn_cli.evaluation.parallel import score_sequences
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.run_log import SequenceRun, read_runs
from kmn_cli.evaluation.scores import SequenceScore, Summary, summarize
from kmn_cli.evaluation.sequence import SequenceTask
from kmn_cli.evaluation.youtube_vos import GroupScore, group_scores


@dataclass(frozen=True)
class Method:
    """A method, by the name it is shown under.

    Attributes:
        results: the folder of its masks.
        tasks: what was scored against what, of every sequence.
        scores: of every sequence.
        groups: seen and unseen categories, for YouTube-VOS.
        runs: how the sequences were segmented, where this program did it.
    """

    name: str
    results: Path
    tasks: tuple[SequenceTask, ...]
    scores: tuple[SequenceScore, ...]
    groups: GroupScore | None = None
    runs: Mapping[str, SequenceRun] = field(default_factory=dict)

    @property
    def summary(self) -> Summary:
        """The official averages."""
        return summarize(self.scores)

    def score_of(self, name: str) -> SequenceScore:
        """The score of the named sequence."""
        return next(score for score in self.scores if score.name == name)

    @property
    def total_run(self) -> SequenceRun | None:
        """All scored sequences together; None unless all of them were segmented here."""
        runs = [self.runs[score.name] for score in self.scores if score.name in self.runs]
        if not runs or len(runs) < len(self.scores):
            return None
        return SequenceRun(
            frames=sum(run.frames for run in runs),
            objects=sum(run.objects for run in runs),
            seconds=sum(run.seconds for run in runs),
            peak_memory=max(run.peak_memory for run in runs),
        )


def score_method(
    benchmark: Benchmark,
    name: str,
    results: Path,
    workers: int | None = None,
    on_done: Callable[[SequenceScore], None] = lambda score: None,
) -> Method:
    """Score a folder of results.

    Raises:
        InputError: the results or the ground truth are incomplete or not as the protocol has them.
    """
    tasks = tuple(benchmark.tasks(results))
    check_scorable(tasks)
    scores = tuple(score_sequences(tasks, workers, on_done))
    groups = None
    if benchmark.protocol is Protocol.YOUTUBE_VOS:
        groups = group_scores(scores, benchmark.videos, benchmark.seen_categories())
    return Method(name, results, tasks, scores, groups, read_runs(results))
