"""What the options of several commands have in common, written once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmn_cli.errors import UsageError

if TYPE_CHECKING:
    from kmn_cli.inference.segmenter import SegmentOptions
    from kmn_cli.model import KMNConfig


class Read(StrEnum):
    """How the memory is read."""

    kernel = "kernel"
    plain = "plain"


class Precision(StrEnum):
    """Arithmetic of the network."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    int8 = "int8"


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say what is happening.")]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document on stdout; everything for people goes to stderr."
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Device = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.")
]
MemoryEvery = Annotated[int, typer.Option(min=1, help="Remember every N-th frame.")]
Sigma = Annotated[
    float | None,
    typer.Option(
        show_default=False,
        help="Standard deviation of the kernel, in cells of 16 pixels; default: what the weights "
        "are best at, or the paper's 7.",
    ),
]
ReadHow = Annotated[Read, typer.Option(help="Memory read: with the kernel, or plain as in STM.")]
PrecisionOf = Annotated[
    Precision,
    typer.Option(
        help="auto is bf16 where the device has it, else fp32; int8 is the fastest on a CPU, and "
        "needs pip install 'kmn[int8]'."
    ),
]


def segment_options(
    network: KMNConfig,
    *,
    size: int | None,
    memory_every: int,
    max_memory_frames: int,
    sigma: float | None,
    read: Read,
    precision: Precision,
) -> SegmentOptions:
    """How to segment: what was asked for, and what the network is best at where nothing was.

    Raises:
        UsageError: a number is out of range.
    """
    from kmn_cli.inference.segmenter import SegmentOptions

    kernel = network.sigma if sigma is None else sigma
    return SegmentOptions(
        size=network.size if size is None else size,
        memory_every=memory_every,
        max_memory_frames=max_memory_frames,
        sigma=kernel if read is Read.kernel else None,
        precision=precision.value,
    )


def refuse_existing(output: Path, overwrite: bool) -> None:
    """Refuse to replace what is there already: somebody may have made it by hand.

    Raises:
        UsageError: something is there, and `overwrite` is False.
    """
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists.", "--overwrite replaces it; -o names another place.")
