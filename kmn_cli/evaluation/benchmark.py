"""A benchmark: which videos, by which protocol, and what there is to score of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.evaluation.davis import davis_tasks, folder_tasks
from kmn_cli.evaluation.given_masks import only_gives_objects
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.sequence import SequenceTask
from kmn_cli.evaluation.youtube_vos import youtube_vos_tasks
from kmn_cli.media.layouts import (
    Video,
    davis_videos,
    folder_videos,
    select_videos,
    youtube_vos_videos,
)
from kmn_cli.media.split_files import read_meta

_HIDDEN_TRUTH = ("test-dev", "test-challenge")


@dataclass(frozen=True)
class Benchmark:
    """Some videos and the protocol to score them by.

    Attributes:
        root: of the data set.
        protocol, split: what was asked for.
        videos: in the order in which they are reported.
        whole: whether these are all videos of the split.
    """

    root: Path
    protocol: Protocol
    split: str
    videos: tuple[Video, ...]
    whole: bool = True

    @property
    def is_enlarged(self) -> bool:
        """Whether the paper enlarges the frames: it runs DAVIS test-dev at 600p."""
        return self.protocol is Protocol.DAVIS2017 and self.split in _HIDDEN_TRUTH

    @property
    def has_truth(self) -> bool:
        """Whether there is more ground truth than the masks that the method is given."""
        match self.protocol:
            case Protocol.YOUTUBE_VOS:
                return bool(youtube_vos_tasks(self.videos, Path()))
            case Protocol.FOLDER:
                return not all(only_gives_objects(video) for video in self.videos)
            case _:
                return not all(len(v.truth) == 1 < len(v.frames) for v in self.videos)

    def tasks(self, results: Path) -> list[SequenceTask]:
        """What to score of a folder of results.

        Raises:
            InputError: the ground truth cannot be read.
        """
        match self.protocol:
            case Protocol.DAVIS2016:
                return davis_tasks(self.videos, results, 2016)
            case Protocol.DAVIS2017:
                return davis_tasks(self.videos, results, 2017)
            case Protocol.YOUTUBE_VOS:
                return youtube_vos_tasks(self.videos, results)
            case Protocol.FOLDER:
                return folder_tasks(self.videos, results)

    def seen_categories(self) -> frozenset[str] | None:
        """The categories in the training split's meta.json; None where it is not at hand."""
        if self.protocol is not Protocol.YOUTUBE_VOS:
            return None
        metas = (self.root / "train" / "meta.json", self.root.parent / "train" / "meta.json")
        path = next((path for path in metas if path.is_file()), None)
        if path is None:
            return None
        videos = read_meta(path).values()
        return frozenset(info.category for objects in videos for info in objects.values())


def load_benchmark(
    root: Path,
    protocol: Protocol,
    split: str = "val",
    sequences: Sequence[str] = (),
    without: Sequence[str] = (),
) -> Benchmark:
    """Find the files of a benchmark.

    Args:
        root: of the data set.
        protocol: by whose rules.
        split: of the data set; a plain folder may have none.
        sequences: only these; all if empty.
        without: not these.

    Raises:
        InputError: the data are missing or not laid out as the protocol has them, or a named
            sequence is.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder.")
    match protocol:
        case Protocol.DAVIS2016:
            videos = davis_videos(root, 2016, split)
        case Protocol.DAVIS2017:
            videos = davis_videos(root, 2017, split)
        case Protocol.YOUTUBE_VOS:
            videos = youtube_vos_videos(root, split)
        case Protocol.FOLDER:
            videos = folder_videos(root, split)
    left_out = select_videos(videos, without)
    chosen = select_videos(videos, sequences) if sequences else videos
    kept = tuple(video for video in chosen if video not in left_out)
    if not kept:
        raise InputError(f"{root}: no sequence is left.", "Name fewer in --without.")
    return Benchmark(root, protocol, split, kept, whole=len(kept) == len(videos))
