"""What scoring gives: per-frame values of one sequence, and the official averages over many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kmn_cli.evaluation.metrics import Floats, Statistics, statistics


@dataclass(frozen=True)
class SequenceScore:
    """The values of one sequence.

    Attributes:
        name: of the sequence.
        object_ids: the K ids scored.
        frames: names of the T frames scored.
        j, f: (K, T) float64 in 0..1; NaN where an object is not scored in a frame.
        warnings: what the official tool would tolerate but a user should know.
    """

    name: str
    object_ids: tuple[int, ...]
    frames: tuple[str, ...]
    j: Floats
    f: Floats
    warnings: tuple[str, ...] = ()

    @property
    def j_statistics(self) -> tuple[Statistics, ...]:
        """Mean, recall and decay of J, one an object."""
        return tuple(statistics(values) for values in self.j)

    @property
    def f_statistics(self) -> tuple[Statistics, ...]:
        """Mean, recall and decay of F, one an object."""
        return tuple(statistics(values) for values in self.f)

    @property
    def j_frames(self) -> Floats:
        """J of each frame, (T,): the mean over its objects, NaN where none is scored."""
        return _mean_over_objects(self.j)

    @property
    def f_frames(self) -> Floats:
        """F of each frame, (T,), likewise."""
        return _mean_over_objects(self.f)

    @property
    def j_mean(self) -> float:
        """J averaged over frames, then over objects."""
        return mean([s.mean for s in self.j_statistics])

    @property
    def f_mean(self) -> float:
        """F averaged over frames, then over objects."""
        return mean([s.mean for s in self.f_statistics])

    @property
    def jf_mean(self) -> float:
        """The mean of `j_mean` and `f_mean`."""
        return (self.j_mean + self.f_mean) / 2


@dataclass(frozen=True)
class Summary:
    """The official figures: averages over objects, not over sequences."""

    j: Statistics
    f: Statistics

    @property
    def jf_mean(self) -> float:
        """J&F-Mean."""
        return (self.j.mean + self.f.mean) / 2


def summarize(scores: Sequence[SequenceScore]) -> Summary:
    """Average the figures of every object of every sequence."""
    return Summary(
        _average([s for score in scores for s in score.j_statistics]),
        _average([s for score in scores for s in score.f_statistics]),
    )


def mean(values: Sequence[float]) -> float:
    """The mean of the values that are numbers, NaN where there are none."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def _mean_over_objects(values: Floats) -> Floats:
    known = ~np.isnan(values)
    sums, counts = np.where(known, values, 0).sum(axis=0), known.sum(axis=0)
    means = np.full(len(sums), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _average(parts: Sequence[Statistics]) -> Statistics:
    return Statistics(
        mean=mean([part.mean for part in parts]),
        recall=mean([part.recall for part in parts]),
        decay=mean([part.decay for part in parts]),
    )
