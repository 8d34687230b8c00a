"""Scores many sequences on all cores, and reports everything that is wrong at once."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

import cv2

from kmn_cli.errors import InputError, KmnError
from kmn_cli.evaluation.scores import SequenceScore
from kmn_cli.evaluation.sequence import SequenceTask, score_sequence

_LISTED = 8


def score_sequences(
    tasks: Sequence[SequenceTask],
    workers: int | None = None,
    on_done: Callable[[SequenceScore], None] = lambda score: None,
) -> list[SequenceScore]:
    """Score many sequences, in the order of `tasks`.

    Args:
        tasks: what to score.
        workers: processes; None for one a core, 1 for none beside this one.
        on_done: called after each sequence.

    Raises:
        InputError: something is wrong with a sequence; the message lists all that is.
    """
    scores: dict[str, SequenceScore] = {}
    errors: dict[str, KmnError] = {}
    for task, outcome in _outcomes(tasks, workers or _cores()):
        if isinstance(outcome, KmnError):
            errors[task.name] = outcome
        else:
            scores[task.name] = outcome
            on_done(outcome)
    if errors:
        raise join_errors([errors[task.name] for task in tasks if task.name in errors])
    return [scores[task.name] for task in tasks]


def join_errors(errors: Sequence[KmnError]) -> InputError:
    """One error that says what several say."""
    lines = [error.message for error in errors[:_LISTED]]
    if len(errors) > _LISTED:
        lines.append(f"… and {len(errors) - _LISTED} more.")
    return InputError("\n".join(lines), " ".join(dict.fromkeys(e.hint for e in errors if e.hint)))


def _outcomes(
    tasks: Sequence[SequenceTask], workers: int
) -> Iterator[tuple[SequenceTask, SequenceScore | KmnError]]:
    workers = min(workers, len(tasks))
    if workers <= 1:
        for task in tasks:
            yield task, _attempt(task)
        return
    # Not forked: a fork would copy the locks of torch's and OpenCV's threads as they stand.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, cv2.setNumThreads, (1,)) as pool:
        longest_first = sorted(tasks, key=lambda task: -len(task.truth))
        pending = {pool.submit(_attempt, task): task for task in longest_first}
        try:
            for future in as_completed(pending):
                yield pending[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _attempt(task: SequenceTask) -> SequenceScore | KmnError:
    try:
        return score_sequence(task)
    except InputError as error:
        return InputError(error.message, error.hint)  # without its cause it can be pickled


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
