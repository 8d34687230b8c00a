"""What the options of several commands have in common, written once."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmn_cli.errors import UsageError

if TYPE_CHECKING:
    from kmn_cli.inference.segmenter import SegmentOptions
    from kmn_cli.model import KMNConfig

BOX_HELP = "Box around an object: x,y,width,height in pixels. Repeat for objects 1, 2, …"
POINTS_HELP = (
    'Points in an object, and with a minus outside of it: "320,180 350,200 -40,60". The n-th is '
    "about object n, also of a box."
)
POLYGON_HELP = 'Outline of an object, taken as it is. "3:" before any of these names the object.'


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
Size = Annotated[
    int | None,
    typer.Option(
        min=0,
        show_default=False,
        help="Short side the network sees, in pixels; 0 is native; never enlarges. Default: what "
        "the weights are best at, or the paper's 480.",
    ),
]
Weights = Annotated[
    str | None, typer.Option(metavar="NAME|PATH", help="A .safetensors of kmn's, or STM's .pth.")
]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="Of the page on 127.0.0.1; 0 is any free one.")
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
Fps = Annotated[
    float | None,
    typer.Option(
        min=0.01, show_default=False, help="Frames a second of a folder of pictures; default: 24."
    ),
]
ReadHow = Annotated[Read, typer.Option(help="Memory read: with the kernel, or plain as in STM.")]
View = Annotated[
    str,
    typer.Option(
        metavar="full|auto|X,Y,W,H",
        help="Part of the frame that the network sees, at --size, in pixels of the video; all "
        "around is background. Small objects are larger in it. auto moves with the objects.",
    ),
]
PrecisionOf = Annotated[
    Precision,
    typer.Option(
        help="auto is the fastest that costs no accuracy on this device, and is said once; int8 is "
        "for CPUs and needs pip install 'kmn\\[int8]'."
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
    view: str = "full",
) -> SegmentOptions:
    """How to segment: what was asked for, and what the network is best at where nothing was.

    Raises:
        UsageError: a number is out of range.
    """
    from kmn_cli.inference.segmenter import SegmentOptions

    kernel = network.sigma if sigma is None else sigma
    return SegmentOptions(
        size=network.size if size is None else size,
        enlarge=network.enlarge if size is None else 1.0,
        memory_every=memory_every,
        max_memory_frames=max_memory_frames,
        sigma=kernel if read is Read.kernel else None,
        precision=precision.value,
        view=view,
    )


def refuse_existing(output: Path, overwrite: bool) -> None:
    """Refuse to replace what is there already: somebody may have made it by hand.

    Raises:
        UsageError: something is there, and `overwrite` is False.
    """
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists.", "--overwrite replaces it; -o names another place.")


def options_given(context: typer.Context, leave_out: Collection[str] = ()) -> list[str]:
    """The options as they were typed, without the arguments.

    Args:
        context: of the command.
        leave_out: names of parameters.
    """
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        typed = source is not None and source.name == "COMMANDLINE"
        if not typed or name in leave_out or parameter.param_type_name != "option":
            continue
        option = max(parameter.opts, key=len)
        value = context.params[name]
        if value is True:
            words.append(option)
        else:
            values = value if isinstance(value, (list, tuple)) else [value]
            words += [f"{option}={getattr(each, 'value', each)}" for each in values]
    return words
