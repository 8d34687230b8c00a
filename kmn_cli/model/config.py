"""What a checkpoint must say about its network: its sizes, and how it is run best."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self


@dataclass(frozen=True)
class KMNConfig:
    """A Kernelized Memory Network; the defaults are the paper's.

    Attributes:
        trunk: "resnet50" (v1, torchvision's) or "resnet50v2" (pre-activation).
        width: channels of the trunk's stem; res2, res3, res4 have 4, 8 and 16 times as many.
        blocks: residual blocks in res2, res3 and res4.
        key_dim: C_k, channels of a key.
        value_dim: C_v, channels of a value.
        decoder_dim: channels of the decoder.
        size: short side in pixels of the frames at which it segments best.
        sigma: of the kernel with which it segments best, in grid cells of 16 pixels.
        enlarge: how many times it is best to enlarge smaller frames, at most, to reach that size.
    """

    trunk: Literal["resnet50", "resnet50v2"] = "resnet50"
    width: int = 64
    blocks: tuple[int, int, int] = (3, 4, 6)
    key_dim: int = 128
    value_dim: int = 512
    decoder_dim: int = 256
    size: int = 480
    sigma: float = 7.0
    enlarge: float = 1.0

    def __post_init__(self) -> None:
        if self.trunk not in ("resnet50", "resnet50v2"):
            raise ValueError(f"trunk must be resnet50 or resnet50v2, not {self.trunk!r}")
        sizes = (self.width, *self.blocks, self.key_dim, self.value_dim, self.decoder_dim)
        if len(self.blocks) != 3 or not all(isinstance(n, int) and 0 < n <= 4096 for n in sizes):
            raise ValueError(f"sizes must be whole numbers between 1 and 4096: {self}")
        if not (isinstance(self.size, int) and 16 <= self.size <= 2**16):
            raise ValueError(f"size must be a whole number of at least 16, not {self.size!r}")
        if not (isinstance(self.sigma, float | int) and 0 < self.sigma < math.inf):
            raise ValueError(f"sigma must be above 0, not {self.sigma!r}")
        if not (isinstance(self.enlarge, float | int) and 1 <= self.enlarge <= 16):
            raise ValueError(f"enlarge must be between 1 and 16, not {self.enlarge!r}")

    @classmethod
    def tiny(cls, trunk: Literal["resnet50", "resnet50v2"] = "resnet50v2") -> Self:
        """A network small enough for tests."""
        return cls(trunk=trunk, width=8, blocks=(1, 1, 1), key_dim=16, value_dim=32, decoder_dim=16)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The config written by `to_dict`.

        Raises:
            ValueError: on unknown names or impossible sizes.
        """
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown network settings: {', '.join(sorted(unknown))}")
        if "blocks" in values:
            values = {**values, "blocks": tuple(values["blocks"])}
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)
