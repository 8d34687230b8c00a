"""The rules of YouTube-VOS: objects that appear later, and groups of seen and unseen categories."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from kmn_cli.evaluation.scores import SequenceScore, mean
from kmn_cli.evaluation.sequence import SequenceTask
from kmn_cli.media.layouts import Video
from kmn_cli.media.mask_folders import find_results


@dataclass(frozen=True)
class GroupScore:
    """The four official figures and their mean G; NaN for a group without objects."""

    j_seen: float
    f_seen: float
    j_unseen: float
    f_unseen: float

    @property
    def g_mean(self) -> float:
        """G, over the groups that have objects."""
        return mean([self.j_seen, self.f_seen, self.j_unseen, self.f_unseen])


def youtube_vos_tasks(videos: Sequence[Video], results: Path) -> list[SequenceTask]:
    """What to score: each object in the frames meta.json lists for it, after the one it is given
    in, as far as there is ground truth; videos without any are left out.

    The masks that give an object to the method show no other (valid), so a video that has no masks
    but those has no ground truth.
    """
    tasks = []
    for video in videos:
        given = {info.frames[0] for info in video.objects.values() if info.frames}
        if given.issuperset(path.stem for path in video.truth):
            continue
        frames_of = {i: frozenset(info.frames[1:]) for i, info in video.objects.items()}
        wanted = frozenset().union(*frames_of.values())
        truth = tuple(path for path in video.truth if path.stem in wanted)
        if not truth:
            continue
        tasks.append(
            SequenceTask(
                name=video.name,
                truth=truth,
                results=find_results(results, video.name, len(videos) == 1),
                object_ids=tuple(sorted(video.objects)),
                frames_of=frames_of,
                frames=frozenset(video.required) | {path.stem for path in video.frames},
            )
        )
    return tasks


def group_scores(
    scores: Sequence[SequenceScore], videos: Sequence[Video], seen: Collection[str] | None
) -> GroupScore:
    """The means over the objects of seen and of unseen categories.

    Args:
        scores: of the sequences.
        videos: their descriptions, by the same names.
        seen: the categories that training had; None counts all as seen.
    """
    objects = {video.name: video.objects for video in videos}
    j: dict[bool, list[float]] = {True: [], False: []}
    f: dict[bool, list[float]] = {True: [], False: []}
    for score in scores:
        rows = zip(score.object_ids, score.j_statistics, score.f_statistics, strict=True)
        for object_id, j_object, f_object in rows:
            is_seen = seen is None or objects[score.name][object_id].category in seen
            j[is_seen].append(j_object.mean)
            f[is_seen].append(f_object.mean)
    return GroupScore(mean(j[True]), mean(f[True]), mean(j[False]), mean(f[False]))
