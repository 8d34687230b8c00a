"""What became of each object: where it was lost, where its area or place jumped, where doubted.

The thresholds were chosen on sequences with known masks: tests/benchmarks/bench_flags.py tells how
many failures they find, and how many good frames they doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from kmn_cli.inference.segmenter import VideoSegmenter
    from kmn_cli.media.video import Frame

JUMP_RATIO = 1.5  # of the areas of two frames
JUMP_DISTANCE = 0.5  # of the place, in square roots of the area, beyond the motion so far
JUMP_MIN_SHARE = 0.001  # of the picture; smaller objects double and leap by noise
LOOK_BACK_EVERY = 15  # frames
DOUBT = 0.6  # of the agreement that the given mask has with itself; below, it may be another object
WEAK = 0.5  # agreement of a given mask with itself; below, the network does not hold the object
# The lists of an object, and how they are said.
SIGNS = {
    "lost_at": "lost at",
    "position_jumps": "its place jumps at",
    "area_jumps": "its area jumps at",
    "doubtful_at": "it may be something else at",
}
NOBODY: Mapping[int, Collection[int]] = {}
_SAID = 3  # frames of each sign; all are in result.json


class ObjectReport:
    """A sink that watches the labels and remembers a few numbers per object.

    Args:
        object_ids: the objects of the video.
        given_frames: indices of frames whose mask was given; a jump there is a correction.
        tell: is told at once, with a sentence, when an object fails for the first time.
        absent: ids of objects that are said not to be in a frame, by its index: they are not lost.
    """

    wants_soft = False

    def __init__(
        self,
        object_ids: Collection[int],
        given_frames: Collection[int],
        tell: Callable[[str], None] = lambda text: None,
        absent: Mapping[int, Collection[int]] = NOBODY,
    ) -> None:
        self.warnings: list[str] = []
        self._given, self._tell, self._absent = given_frames, tell, absent
        # Of the frame before: area, x, y, and the motion to it, all in pixels.
        self._before = dict.fromkeys(object_ids, (0, 0.0, 0.0, 0.0, 0.0))
        self._objects: dict[int, dict[str, Any]] = {
            i: {
                "id": i,
                "first_seen": None,
                "last_seen": None,
                **{sign: [] for sign in SIGNS},
                "self_check": None,
            }
            for i in object_ids
        }

    def __enter__(self) -> ObjectReport:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def write(self, index: int, frame: Frame, labels: np.ndarray, soft: np.ndarray | None) -> None:
        """Look at one frame's labels."""
        smallest = JUMP_MIN_SHARE * labels.size
        for object_id, (before, old_x, old_y, dx, dy) in self._before.items():
            area, x, y = _place(labels, object_id)
            entry = self._objects[object_id]
            if not area:
                if before and object_id not in self._absent.get(frame.index, ()):
                    self._sign(object_id, "lost_at", frame.index)
                self._before[object_id] = (0, 0.0, 0.0, 0.0, 0.0)
                continue
            entry["last_seen"] = frame.index
            if entry["first_seen"] is None:
                entry["first_seen"] = frame.index
            now = (area, x, y, x - old_x, y - old_y) if before else (area, x, y, 0.0, 0.0)
            self._before[object_id] = now
            small, large = sorted((before, area))
            if not before or large < smallest or frame.index in self._given:
                continue
            if large > JUMP_RATIO * small:
                self._sign(object_id, "area_jumps", frame.index)
            leap = np.hypot(x - old_x - dx, y - old_y - dy)
            straight = np.hypot(x - old_x, y - old_y)  # who stops has not leapt
            if min(leap, straight) > JUMP_DISTANCE * large**0.5:
                self._sign(object_id, "position_jumps", frame.index)

    def follow(self, index: int, segmenter: VideoSegmenter) -> None:
        """Look back from where a segmenter stands, after the frame `index`, when it is time to."""
        if index in self._given or index % LOOK_BACK_EVERY == 0:
            self.looked_back(index, segmenter.look_back())

    def looked_back(self, index: int, agreement: Mapping[int, float]) -> None:
        """Take note of what `VideoSegmenter.look_back` says after a frame.

        The first time, it says how well the network holds the mask that was just given.
        """
        for object_id, value in agreement.items():
            entry = self._objects[object_id]
            if entry["self_check"] is None:
                entry["self_check"] = round(value, 3)
                if value < WEAK:
                    self._tell(
                        f"object {object_id}: the network does not hold it; it finds {value:.0%} "
                        f"of the mask of frame {index} again. --view auto, a larger --size, a "
                        "frame that shows it larger, or a more exact mask may help"
                    )
            # What was never held says nothing by being held no longer.
            elif entry["self_check"] >= WEAK and value < DOUBT * entry["self_check"]:
                self._sign(object_id, "doubtful_at", index)

    def state(self) -> dict[str, Any]:
        """What `restore` needs, fit for JSON."""
        return {"before": list(self._before.items()), "objects": self.to_json()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on counting where the report stood that gave this state."""
        # Masks given since then may have brought objects, or taken some away.
        self._before |= {i: tuple(v) for i, v in state["before"] if i in self._before}
        self._objects |= {e["id"]: e for e in state["objects"] if e["id"] in self._objects}

    def to_json(self) -> list[dict[str, Any]]:
        """Per object: id, first and last frame seen, and the frames of each of SIGNS."""
        return list(self._objects.values())

    def _sign(self, object_id: int, sign: str, index: int) -> None:
        entry = self._objects[object_id]
        if not any(entry[name] for name in SIGNS):
            self._tell(f"object {object_id}: {SIGNS[sign]} frame {index}")
        entry[sign].append(index)


def failures(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each object that failed somewhere, or may.

    Args:
        objects: as `ObjectReport.to_json` gives them, or result.json.
    """
    sentences = []
    for entry in objects:
        said = [_frames(text, entry[sign]) for sign, text in SIGNS.items() if entry.get(sign)]
        held = entry.get("self_check")
        if held is not None and held < WEAK:
            said.insert(0, f"the network finds {held:.0%} of its own mask again")
        if said:
            sentences.append(f"object {entry['id']}: {'; '.join(said)}")
    return sentences


def first_failure(objects: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the first frame at which an object failed, or None."""
    return min(
        (i for entry in objects for sign in SIGNS for i in entry.get(sign, ())), default=None
    )


def _frames(text: str, indices: list[int]) -> str:
    more = len(indices) - _SAID
    shown = ", ".join(map(str, indices[:_SAID]))
    return f"{text} frame{'s' * (len(indices) > 1)} {shown}" + (f" and {more} more" * (more > 0))


def _place(labels: np.ndarray, object_id: int) -> tuple[int, float, float]:
    """Return the number of an object's pixels, and their mean x and y; 0 where there are none."""
    mask = (labels == object_id).view(np.uint8)
    columns, rows = (
        cv2.reduce(mask, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() for axis in (0, 1)
    )
    area = int(columns.sum())
    x, y = (float(sums @ np.arange(len(sums))) / max(area, 1) for sums in (columns, rows))
    return area, x, y
