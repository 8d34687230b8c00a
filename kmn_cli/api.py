"""The front door: what `kmn` does, for a program of your own.

    import kmn_cli

    result = kmn_cli.segment_video("cat.mp4", "cat.png")           # files, as `kmn segment` makes
    for index, image, labels, _ in kmn_cli.iter_segment("cat.mp4", "cat.png"):
        ...                                                        # arrays, frame by frame

Every error that a user can cause is a KmnError, which says what happened and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from kmn_cli.batch.inputs import Video, find_inputs
from kmn_cli.batch.job import Job, Settings
from kmn_cli.batch.listener import Listener, Progress
from kmn_cli.batch.mask_arguments import MaskArgument, parse_masks
from kmn_cli.batch.segment_one import Engine, segment_one
from kmn_cli.errors import InputError, KmnError, UsageError
from kmn_cli.files import natural_key
from kmn_cli.inference.background import Prefetch
from kmn_cli.inference.device import choose_device
from kmn_cli.inference.loaded import LoadedNetwork, load_network
from kmn_cli.inference.segment_options import SegmentOptions
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.frame_names import FrameNames
from kmn_cli.media.frames import Frame
from kmn_cli.media.labels import read_mask
from kmn_cli.media.masks import Mask, write_mask
from kmn_cli.media.sinks import check_formats
from kmn_cli.media.video import open_video

__all__ = [
    "KmnError",
    "LoadedNetwork",
    "Mask",
    "SegmentOptions",
    "SegmentedFrame",
    "VideoResult",
    "VideoSegmenter",
    "choose_device",
    "iter_segment",
    "load_network",
    "open_video",
    "read_mask",
    "segment_video",
    "write_mask",
]

# A file, the ids of an array (H, W), or a mask that was read.
MaskLike: TypeAlias = "str | Path | np.ndarray | Mask"
# Of the first frame; or by frame: its index, or its file's name.
MasksLike: TypeAlias = "MaskLike | Mapping[int | str, MaskLike]"

_AHEAD = 4  # frames decoded before their turn


@dataclass(frozen=True)
class VideoResult:
    """What became of one video.

    Attributes:
        folder: of its results.
        frames: how many were written.
        object_ids: sorted.
        outputs: the file or folder of each format.
        warnings: what should be looked at: masks that were repaired, damaged frames, …
        skipped: its results were there already.
        document: all of result.json.
    """

    folder: Path
    frames: int
    object_ids: tuple[int, ...]
    outputs: Mapping[str, Path]
    warnings: tuple[str, ...]
    skipped: bool
    document: Mapping[str, Any]

    @classmethod
    def of(cls, folder: Path, document: Mapping[str, Any], *, skipped: bool) -> VideoResult:
        """From a video's result.json."""
        return cls(
            folder,
            document["frames"],
            tuple(document["object_ids"]),
            {name: folder / path for name, path in document["outputs"].items()},
            tuple(document["warnings"]),
            skipped,
            document,
        )


class SegmentedFrame(NamedTuple):
    """One frame with its answer.

    Attributes:
        frame_index: of the frame in its source, from 0.
        image: the frame, (H, W, 3) uint8 RGB.
        labels: object ids (H, W) uint8, 0 the background.
        prob: (K + 1, H, W) float32, the background first, then the objects in the order of their
            ids; zeros for one that was not given yet. None unless asked for.
    """

    frame_index: int
    image: np.ndarray
    labels: np.ndarray
    prob: np.ndarray | None


def segment_video(
    video: str | Path,
    mask: MasksLike,
    output: str | Path | None = None,
    *,
    formats: Sequence[str] = ("masks", "overlay"),
    start: str | None = None,
    end: str | None = None,
    network: LoadedNetwork | None = None,
    options: SegmentOptions | None = None,
    overwrite: bool = False,
    save_every: float = 30.0,
    direction: str = "auto",
    progress: Callable[[int, int | None], None] | None = None,
) -> VideoResult:
    """Segment one video into a folder, as `kmn segment` does.

    Results that are there already are not made again, and an interrupted call is continued by the
    next one with the same arguments.

    Args:
        video: a video file, or a folder of frames.
        mask: of the first frame, or by frame; a folder holds masks named like the frames.
        output: folder of this video's results; None is kmn-out/NAME.
        formats: of "masks", "overlay", "soft", "cutout", "alpha".
        start: the first frame to read: seconds, "hh:mm:ss.x" or "120f".
        end: the first frame not to read, likewise.
        network: from `load_network`; None loads the shipped one.
        options: from `network.options(...)`; None is what the network is best at.
        overwrite: make results anew that are there already.
        save_every: seconds between saves of what an interrupted call needs to go on; 0 never does.
        direction: "auto" follows the objects of the first mask backwards, too, if there are frames
            before it; "both" those of later masks as well; "forward" leaves those frames empty.
        progress: called after each frame with the number of frames done and, if it is known, of
            all.

    Raises:
        InputError: the video or a mask cannot be used.
        UsageError: the folder holds results of other settings, or an option is wrong.
        KmnError: the folder cannot be written.
    """
    network = network or load_network()
    source = _one_video(video)
    folder = Path("kmn-out") / source.name if output is None else Path(output)
    settings = Settings(
        options or network.options(),
        start,
        end,
        check_formats(formats),
        overwrite,
        save_every,
        direction,
    )
    job = Job(source, _mask_arguments(mask), alone=True, folder=folder)
    engine = Engine(network, _Counter(progress))
    done = segment_one(job, settings, engine, wait=True)
    return VideoResult.of(folder, done.document, skipped=done.skipped)


def iter_segment(
    video: str | Path | Iterable[np.ndarray],
    masks: MasksLike,
    *,
    start: str | None = None,
    end: str | None = None,
    network: LoadedNetwork | None = None,
    options: SegmentOptions | None = None,
    want_prob: bool = False,
) -> Iterator[SegmentedFrame]:
    """Segment a video frame by frame, writing nothing.

    Memory does not grow with the length of the video. A file is decoded beside the network; an
    iterable of frames is asked for the next one only when the last has been yielded, so that a
    camera may be one. Frames before the first mask are all background.

    Args:
        video: a video file, a folder of frames, or frames (H, W, 3) uint8 RGB of one size.
        masks: of the first frame, or by frame. A later mask adds its new objects and corrects
            those it names.
        start, end: of a file, as in `segment_video`.
        network: from `load_network`; None loads the shipped one.
        options: from `network.options(...)`; None is what the network is best at.
        want_prob: also yield probabilities.

    Yields:
        The frame's index, the frame, its labels and its probabilities: see `SegmentedFrame`.

    Raises:
        InputError: the video or a mask cannot be used.
        UsageError: start or end cannot be understood.
    """
    network = network or load_network()
    given = {
        str(frame): _to_mask(mask)
        for frame, mask in (masks.items() if isinstance(masks, Mapping) else [("", masks)])
    }
    ids = sorted({i for mask in given.values() for i in mask.ids})
    segmenter = VideoSegmenter(network.ready, options or network.options())
    if not isinstance(video, (str, Path)):
        frames = (_to_frame(i, image) for i, image in enumerate(video))
        yield from _segment(frames, 0, given, ids, segmenter, want_prob)
        return
    names = FrameNames(Path(video))
    given = {str(names.find(name)) if name else "": mask for name, mask in given.items()}
    with (
        open_video(Path(video), start=start, end=end) as reader,
        Prefetch(reader, _AHEAD) as ahead,
    ):
        yield from _segment(ahead, reader.info.first, given, ids, segmenter, want_prob)


def _segment(
    frames: Iterable[Frame],
    first: int,
    given: dict[str, Mask],
    ids: Sequence[int],
    segmenter: VideoSegmenter,
    want_prob: bool,
) -> Iterator[SegmentedFrame]:
    for frame in frames:
        mask = given.pop("", None) if frame.index == first else None
        mask = mask or given.pop(str(frame.index), None)
        size = frame.image.shape[:2]
        prob = None
        if mask is None and not segmenter.object_ids:
            labels, known = np.zeros(size, np.uint8), None
        else:
            labels, known = segmenter.step(
                frame.image, None if mask is None else mask.labels, want_prob=want_prob
            )
        if want_prob:
            prob = np.zeros((len(ids) + 1, *size), np.float32)
            if known is None:
                prob[0] = 1
            else:
                prob[[0, *(1 + ids.index(i) for i in segmenter.object_ids)]] = known
        yield SegmentedFrame(frame.index, frame.image, labels, prob)
    if given:
        name = min(given, key=natural_key)
        raise InputError(
            f"The mask for frame {name} was not used: no such frame came.",
            "Name a frame by its index, from 0, or a picture of a folder by its name.",
        )


def _one_video(path: str | Path) -> Video:
    found = find_inputs([str(path)]).videos
    if len(found) > 1:
        raise UsageError(f"{path} holds {len(found)} videos.", "Take them one by one.")
    return found[0]


def _mask_arguments(mask: MasksLike) -> list[MaskArgument]:
    if isinstance(mask, (str, Path)):
        return parse_masks([str(mask)], alone=True)
    by_frame = mask if isinstance(mask, Mapping) else {None: mask}
    found = []
    for frame, one in by_frame.items():
        name = None if frame is None else str(frame)
        if isinstance(one, (str, Path)):
            found.append(MaskArgument(Path(one), name))
        else:
            called = Path("mask" if name is None else f"mask of frame {name}")
            found.append(MaskArgument(called, name, mask=_to_mask(one)))
    return found


def _to_mask(mask: MaskLike) -> Mask:
    """A mask of whatever is one.

    Raises:
        InputError: a file cannot be read, or an array holds no ids.
    """
    if isinstance(mask, Mask):
        return mask
    if isinstance(mask, (str, Path)):
        return read_mask(Path(mask))
    values = np.asarray(mask)
    is_map = values.ndim == 2 and values.size and values.dtype.kind in "bui"
    if not is_map or not 0 <= values.min() <= values.max() <= 255:
        raise InputError(
            f"The mask is an array of {values.dtype} with shape {values.shape}.",
            "Pass the id of each pixel as (H, W) uint8, 0 for the background.",
        )
    return Mask(np.ascontiguousarray(values, np.uint8))


def _to_frame(index: int, image: np.ndarray) -> Frame:
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            f"Frame {index} is an array of {image.dtype} with shape {image.shape}.",
            "Pass RGB frames as (H, W, 3) uint8.",
        )
    return Frame(index, str(index), image)


class _Counter(Listener):
    """Turns the display of a run into calls of a function."""

    def __init__(self, call: Callable[[int, int | None], None] | None) -> None:
        self._call = call

    def progress(self, label: str, total: int | None = None, **_: Any) -> Progress:
        return Progress() if self._call is None else _Calls(self._call, total)


class _Calls(Progress):
    def __init__(self, call: Callable[[int, int | None], None], total: int | None) -> None:
        self._call, self._total, self._done = call, total, 0

    def advance(self, steps: int = 1, note: str = "") -> None:
        self._done += steps
        self._call(self._done, self._total)
