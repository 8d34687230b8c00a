"""What became of each object: where it was lost, where its area jumped."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from kmn_cli.media.video import Frame

JUMP_RATIO = 2.0
JUMP_MIN_SHARE = 0.001  # of the picture; smaller areas double and halve by noise


class ObjectReport:
    """A sink that watches the labels and remembers a few numbers per object.

    Args:
        object_ids: the objects of the video.
        given_frames: indices of frames whose mask was given; a jump there is a correction.
    """

    wants_prob = False

    def __init__(self, object_ids: Collection[int], given_frames: Collection[int]) -> None:
        self.warnings: list[str] = []
        self._given = given_frames
        self._areas = dict.fromkeys(object_ids, 0)
        self._objects: dict[int, dict[str, Any]] = {
            i: {"id": i, "first_seen": None, "last_seen": None, "lost_at": [], "area_jumps": []}
            for i in object_ids
        }

    def __enter__(self) -> ObjectReport:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def write(self, index: int, frame: Frame, labels: np.ndarray, prob: np.ndarray | None) -> None:
        """Count one frame's areas."""
        counts = np.bincount(labels.ravel(), minlength=256)
        smallest = JUMP_MIN_SHARE * labels.size
        for object_id, before in self._areas.items():
            area, entry = int(counts[object_id]), self._objects[object_id]
            if area:
                entry["last_seen"] = frame.index
                if entry["first_seen"] is None:
                    entry["first_seen"] = frame.index
            elif before:
                entry["lost_at"].append(frame.index)
            small, large = sorted((before, area))
            jumped = small and large > max(JUMP_RATIO * small, smallest)
            if jumped and frame.index not in self._given:
                entry["area_jumps"].append(frame.index)
            self._areas[object_id] = area

    def state(self) -> dict[str, Any]:
        """What `restore` needs, fit for JSON."""
        return {"areas": list(self._areas.items()), "objects": self.to_json()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on counting where the report stood that gave this state."""
        # Masks given since then may have brought objects, or taken some away.
        self._areas |= {i: area for i, area in state["areas"] if i in self._areas}
        self._objects |= {e["id"]: e for e in state["objects"] if e["id"] in self._objects}

    def to_json(self) -> list[dict[str, Any]]:
        """Per object: id, first and last frame seen, frames where it vanished or jumped."""
        return list(self._objects.values())
