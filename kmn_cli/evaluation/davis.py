"""The rules of the DAVIS benchmarks, 2016 (one object) and 2017 (several), semi-supervised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np

from kmn_cli.errors import InputError
from kmn_cli.evaluation.metrics import frame_scores
from kmn_cli.evaluation.predicted_ids import ids_in
from kmn_cli.evaluation.scores import SequenceScore
from kmn_cli.evaluation.sequence import SequenceTask
from kmn_cli.media.labels import Labels, read_ids
from kmn_cli.media.layouts import Video
from kmn_cli.media.mask_folders import find_results
from kmn_cli.media.masks import VOID


def score_masks(
    pred: Iterable[Labels], truth: Iterable[Labels], object_ids: Iterable[int], name: str = ""
) -> SequenceScore:
    """Score one sequence held in memory, by the rule of DAVIS.

    Args:
        pred, truth: the labels (H, W) uint8 of EVERY frame of the sequence, in order. The rule
            leaves the first and the last unscored, so there must be three or more.
        object_ids: the ids to score.
        name: of the sequence.

    Raises:
        InputError: if the two differ in number or size, or nothing is left to score.
    """
    ids = tuple(object_ids)
    frames = iter(zip_longest(pred, truth))
    next(frames, None)
    values = []
    for (p, t), (after_p, after_t) in pairwise(frames):
        if after_p is None or after_t is None:
            raise InputError(f"{name}: not as many predicted masks as true ones")
        if p.shape != t.shape:
            raise InputError(f"{name}: a mask of {p.shape} against a ground truth of {t.shape}")
        values.append(frame_scores(p, t, ids))
    if not values:
        raise InputError(f"{name}: nothing to score: the first and the last frame do not count")
    j, f = (np.stack([v[i] for v in values], axis=1) for i in (0, 1))
    return SequenceScore(name, ids, tuple(f"{i:05d}" for i in range(1, len(values) + 1)), j, f)


def davis_tasks(videos: Sequence[Video], results: Path, year: int) -> list[SequenceTask]:
    """What to score of DAVIS 2016 (any non-zero pixel is the object) or 2017 (ids are objects).

    Raises:
        InputError: a first mask cannot be read.
    """
    tasks = []
    for video in videos:
        shown = frozenset({1}) if year == 2016 else _shown_first(video)
        ids = _up_to_highest(shown)
        tasks.append(
            SequenceTask(
                name=video.name,
                truth=video.truth[1:-1],
                results=find_results(results, video.name, len(videos) == 1),
                object_ids=ids,
                binary=year == 2016,
                strict_ids=year == 2017,
                frames=frozenset(video.required),
                unseen=tuple(i for i in ids if i not in shown),
            )
        )
    return tasks


def folder_tasks(videos: Sequence[Video], results: Path) -> list[SequenceTask]:
    """What to score of any folder: the frames DAVIS would, every id of the truth once it is given.

    An id is given by the first mask that shows it, whoever made the results, so that all are scored
    on the same frames. Where the truth knows only black and 255, whatever is not black is the one
    object.

    Raises:
        InputError: a mask of the truth cannot be read.
    """
    tasks = []
    for video in videos:
        binary = is_black_and_white(video)
        tasks.append(
            SequenceTask(
                name=video.name,
                truth=video.truth[1:-1],
                results=find_results(results, video.name, len(videos) == 1),
                object_ids=None,
                binary=binary,
                frames=frozenset(video.required),
                given=_shown_first(video, binary=binary),
            )
        )
    return tasks


def is_black_and_white(video: Video) -> bool:
    """Whether 255 is an object and not void: where the first mask that shows anything has no other.

    Raises:
        InputError: a mask cannot be read.
    """
    shown = (ids_in(read_ids(path)) for path in video.truth)
    return next((ids for ids in shown if ids), ()) == (VOID,)


def first_objects(video: Video) -> tuple[int, ...]:
    """The ids of DAVIS 2017: 1 to the highest of the first mask, void apart.

    Raises:
        InputError: the mask cannot be read.
    """
    return _up_to_highest(_shown_first(video))


def _up_to_highest(ids: frozenset[int]) -> tuple[int, ...]:
    return tuple(range(1, max(ids, default=0) + 1))


def _shown_first(video: Video, *, binary: bool = False) -> frozenset[int]:
    """The ids that the first mask shows, void apart."""
    return frozenset(ids_in(read_ids(video.truth[0], binary=binary))) - {VOID}
