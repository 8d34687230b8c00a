"""Scores one sequence from its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.evaluation.metrics import Floats, frame_scores
from kmn_cli.evaluation.predicted_ids import CountedIds, StrictIds, counted, ids_in
from kmn_cli.evaluation.scores import SequenceScore
from kmn_cli.media.labels import Labels, read_ids
from kmn_cli.media.masks import VOID

_LISTED = 8


@dataclass(frozen=True)
class SequenceTask:
    """What to score against what, and by which rule.

    Attributes:
        name: of the sequence.
        truth: the ground truth of the frames to score, in time order.
        results: the folder of predicted masks, named like the truth.
        object_ids: the ids to score; None for those of the truth, each after the frame that first
            shows it: the method was given it there.
        given: with None, the ids that were given before the first of these frames.
        unseen: the ids to score of which the first mask has no pixel.
        frames_of: names of the frames an object is scored in; one not named here is scored in all.
        binary: whatever is not black is object 1, on both sides.
        strict_ids: a predicted id above those to score is an error; else it is counted.
        frames: names of all the video's frames, so that strangers among the results are noticed.
    """

    name: str
    truth: tuple[Path, ...]
    results: Path
    object_ids: tuple[int, ...] | None
    frames_of: Mapping[int, frozenset[str]] = field(default_factory=dict)
    binary: bool = False
    strict_ids: bool = False
    frames: frozenset[str] = frozenset()
    given: frozenset[int] = frozenset()
    unseen: tuple[int, ...] = ()


def score_sequence(task: SequenceTask) -> SequenceScore:
    """Score one sequence.

    Raises:
        InputError: a result is missing, broken, of the wrong size or holds an id that the rule
            forbids; or the truth shows no object to score.
    """
    _check_complete(task)
    if task.object_ids is not None and task.strict_ids:
        strict, counting = StrictIds(task.name, task.object_ids), None
    else:
        strict, counting = None, CountedIds(task.name)
    given = set(task.given if task.object_ids is None else task.object_ids)
    values: dict[int, Floats] = {}
    for t, path in enumerate(task.truth):
        result = task.results / f"{path.stem}.png"
        truth, pred = read_pair(task, path)
        if strict:
            strict.check(result, pred)
        values |= {i: _unscored(task) for i in given if i not in values}
        if counting:
            present = ids_in(truth)
            counting.check(result, pred, (*present, *values))
            if task.object_ids is None:
                given.update(present)
        ids = tuple(i for i in values if i not in task.frames_of or path.stem in task.frames_of[i])
        for object_id, *scores in zip(ids, *frame_scores(pred, truth, ids), strict=True):
            values[object_id][:, t] = scores
    if not values:
        raise InputError(f"{task.name}: no object in the ground truth that could be scored.")
    warnings = [
        *_unseen(task),
        *(strict.warnings() if strict else ()),
        *(counting.warnings() if counting else ()),
    ]
    ids = tuple(sorted(values))
    j, f = np.stack([values[i] for i in ids], axis=1)
    return SequenceScore(
        name=task.name,
        object_ids=ids,
        frames=tuple(path.stem for path in task.truth),
        j=j,
        f=f,
        warnings=(*warnings, *_strangers(task)),
    )


def read_pair(task: SequenceTask, path: Path) -> tuple[Labels, Labels]:
    """Truth, with void as background, and prediction, which has no such thing, of one frame.

    Raises:
        InputError: one of them cannot be read, or they differ in size.
    """
    result = task.results / f"{path.stem}.png"
    truth, pred = (read_ids(file, binary=task.binary) for file in (path, result))
    if pred.shape != truth.shape:
        raise InputError(
            f"{result}: {pred.shape[1]}x{pred.shape[0]} pixels, but the ground truth is "
            f"{truth.shape[1]}x{truth.shape[0]}."
        )
    if truth.max() == VOID:
        truth = np.where(truth == VOID, np.uint8(0), truth)
    return truth, pred


def shorten(names: Sequence[str], suffix: str = "") -> str:
    """The first few names, and how many more there are."""
    listed = ", ".join(f"{name}{suffix}" for name in names[:_LISTED])
    return f"{listed} and {len(names) - _LISTED} more." if len(names) > _LISTED else f"{listed}."


def _check_complete(task: SequenceTask) -> None:
    missing = [p.stem for p in task.truth if not (task.results / f"{p.stem}.png").is_file()]
    if missing:
        raise InputError(
            f"{task.results}: {len(missing)} of {counted(len(task.truth), 'mask')} missing: "
            f"{shorten(missing, '.png')}",
            "Results are named like the frames of the data set.",
        )


def _unseen(task: SequenceTask) -> Iterator[str]:
    if task.unseen:
        ids = ", ".join(map(str, task.unseen))
        yield (
            f"{task.name}: the first mask has no pixel of ids {ids}. The official tool counts them "
            "as objects, and so do these figures: each scores 1 wherever results show none of it. "
            "--protocol folder scores only ids that are there."
        )


def _unscored(task: SequenceTask) -> Floats:
    """Room for the J and F of one object, (2, T)."""
    return np.full((2, len(task.truth)), np.nan)


def _strangers(task: SequenceTask) -> Iterator[str]:
    names = sorted(path.stem for path in task.results.glob("*.png"))
    strangers = [name for name in names if task.frames and name not in task.frames]
    if strangers:
        yield (
            f"{task.name}: {counted(len(strangers), 'mask')} of no frame ignored: "
            f"{shorten(strangers, '.png')}"
        )
