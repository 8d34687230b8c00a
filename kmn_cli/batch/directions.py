"""Which frames of a video are followed which way."""

from __future__ import annotations

from kmn_cli.batch.mask_plan import MaskPlan
from kmn_cli.inference.both_ways import Stretch, find_stretches


class Directions:
    """Which frames of a video are followed which way.

    Args:
        wanted: "both", "forward" or "auto": frames before the first mask are followed backwards.
        masks: of the video.
        first: index of its first frame.

    Attributes:
        name: for result.json: "forward", "start" (frames before the first mask were followed
            backwards) or "both".
        stretches: what is followed backwards.
    """

    def __init__(self, wanted: str, masks: MaskPlan, first: int) -> None:
        self._masks = masks
        self.stretches: list[Stretch] = []
        if wanted != "forward":
            self.stretches = find_stretches(
                masks.given, masks.absent, first, everywhere=wanted == "both"
            )
        beyond_start = any(stretch.top > min(masks.given) for stretch in self.stretches)
        self.name = "both" if beyond_start else "start" if self.stretches else "forward"

    def needed(self, start: int) -> list[Stretch]:
        """The stretches in which frames from `start` on lie."""
        return [stretch for stretch in self.stretches if stretch.top > start]

    def frames_back(self, start: int) -> int:
        """How many frames are followed backwards for those from `start` on."""
        return sum(stretch.top + 1 - stretch.first for stretch in self.needed(start))

    def deciding(self, stop: int) -> list[str]:
        """What of the masks decides the results of the frames before `stop`."""
        found = self._between(0, stop - 1)
        for stretch in self.stretches:
            if stretch.first < stop:
                found += [f"back {each}" for each in self.deciding_back(stretch)]
        return found

    def deciding_back(self, stretch: Stretch) -> list[str]:
        """What of the masks decides what is found on a way back."""
        return self._between(stretch.first, stretch.top)

    def _between(self, first: int, last: int) -> list[str]:
        sums = self._masks.contents
        return [each for each in sums if first <= int(each.partition(":")[0]) <= last]
