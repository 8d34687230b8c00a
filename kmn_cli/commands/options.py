"""What the options of several commands have in common, written once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kmn_cli.errors import UsageError


class Read(StrEnum):
    """How the memory is read."""

    kernel = "kernel"
    plain = "plain"


class Precision(StrEnum):
    """Arithmetic of the network."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


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
    float, typer.Option(help="Standard deviation of the kernel, in cells of 16 pixels.")
]
ReadHow = Annotated[Read, typer.Option(help="Memory read: with the kernel, or plain as in STM.")]
PrecisionOf = Annotated[Precision, typer.Option(help="auto is bf16 where the device has it.")]


def refuse_existing(output: Path, overwrite: bool) -> None:
    """Refuse to replace what is there already: somebody may have made it by hand.

    Raises:
        UsageError: something is there, and `overwrite` is False.
    """
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists.", "--overwrite replaces it; -o names another place.")
