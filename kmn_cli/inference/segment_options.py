"""How a video is segmented: the numbers a user may choose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from kmn_cli.errors import UsageError
from kmn_cli.model import KMNConfig

# Beyond, float32 no longer tells neighbours apart, or the kernel is flat on the largest frames.
MIN_SIGMA, MAX_SIGMA = 0.25, 10_000
PRECISIONS = ("auto", "fp32", "bf16", "int8")
_RECTANGLE = re.compile(r"(\d+,){2}(1[6-9]|[2-9]\d|\d{3,}),(1[6-9]|[2-9]\d|\d{3,})")


@dataclass(frozen=True)
class SegmentOptions:
    """How a video is segmented; the defaults are the paper's, `best_for` is a network's own.

    Attributes:
        size: short side in pixels that the network sees; 0 is the video's.
        enlarge: how many times a smaller video is enlarged, at most, to reach `size`; 1 is never.
        memory_every: distance of the intermediate memory frames.
        max_memory_frames: most frames in memory; 0 is no limit, as in the paper.
        sigma: of the read's kernel in grid cells of 16 pixels, 0.25 to 10000; None is STM's plain
            read.
        precision: that the network is made ready in: "fp32", "bf16", "int8" (a CPU only, with the
            extra kmn[int8]), or "auto", the fastest that costs no accuracy on this device.
        view: the part of the frame that the network sees, at `size`; all around is background.
            "full", "X,Y,W,H" in pixels of the video, or "auto": a part that moves with the objects,
            where the network holds them better there than in the full frame.
    """

    size: int = 480
    enlarge: float = 1.0
    memory_every: int = 5
    max_memory_frames: int = 20
    sigma: float | None = 7.0
    precision: str = "auto"
    view: str = "full"

    @classmethod
    def best_for(cls, network: KMNConfig) -> Self:
        """With the size and the kernel that a network says it is best at."""
        return cls(size=network.size, enlarge=network.enlarge, sigma=network.sigma)

    def __post_init__(self) -> None:
        if self.size and self.size < 16:
            raise UsageError(f"size must be 0 or at least 16 pixels, not {self.size}.")
        if not 1 <= self.enlarge <= 16:
            raise UsageError(f"enlarge must be between 1 and 16, not {self.enlarge}.")
        if self.memory_every < 1:
            raise UsageError(f"memory_every must be at least 1, not {self.memory_every}.")
        if self.max_memory_frames < 0 or self.max_memory_frames == 1:
            raise UsageError(
                "max_memory_frames must be 0 (no limit) or at least 2: the first and the previous."
            )
        if self.sigma is not None and not MIN_SIGMA <= self.sigma <= MAX_SIGMA:
            raise UsageError(
                f"sigma must be between {MIN_SIGMA} and {MAX_SIGMA} grid cells, not {self.sigma}.",
                "The paper's is 7; --read plain is the read without a kernel.",
            )
        if self.precision not in PRECISIONS:
            raise UsageError(f"precision must be one of {', '.join(PRECISIONS)}.")
        object.__setattr__(self, "view", self.view.replace(" ", ""))
        if self.view not in ("full", "auto") and not _RECTANGLE.fullmatch(self.view):
            raise UsageError(
                f"view {self.view!r} is neither full, auto nor a rectangle.",
                "Write x,y,width,height in whole pixels, at least 16 wide and high: 320,0,640,480.",
            )

    @property
    def rectangle(self) -> tuple[int, int, int, int] | None:
        """x, y, width and height of the view; None is the full frame, at least at first."""
        if self.view in ("full", "auto"):
            return None
        x, y, width, height = map(int, self.view.split(","))
        return x, y, width, height
