"""`kmn edit`: the page where a result becomes right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmn_cli.commands.console import Console
from kmn_cli.commands.options import Debug, Device, Json, Precision, PrecisionOf, Quiet, Verbose
from kmn_cli.errors import InputError

if TYPE_CHECKING:
    from kmn_cli.api import LoadedNetwork


def edit(
    video: Annotated[
        Path | None,
        typer.Argument(
            metavar="[VIDEO|RESULT]",
            show_default=False,
            help="A video, a folder of frames, or a result folder of `kmn segment`; without it, "
            "the page offers what is in this folder.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Results go into OUT/<name>.")
    ] = Path("kmn-out"),
    size: Annotated[
        int | None,
        typer.Option(
            min=0,
            show_default=False,
            help="Short side the network sees, in pixels; 0 is native; default: what the weights "
            "are best at.",
        ),
    ] = None,
    precision: PrecisionOf = Precision.auto,
    weights: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="A .safetensors of kmn's, or STM's .pth."),
    ] = None,
    device: Device = "auto",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of 127.0.0.1; 0 is any free one.")
    ] = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Mark objects, track them both ways, correct and export, on a page of this machine.

    Everything is on disk at every moment, in the layout of `kmn segment`: Ctrl-C, and the same
    command goes on.
    """
    with Console(quiet=quiet, verbose=verbose, as_json=as_json, debug=debug) as console:
        from kmn_cli.web.edit_session import EditSession
        from kmn_cli.web.server import serve
        from kmn_cli.web.tracker import Tracker

        if video is not None and not video.exists():
            raise InputError(f"There is no {video}.", "Check the spelling of the path.")

        def load() -> LoadedNetwork:
            from kmn_cli.api import load_network

            return load_network(weights, device, precision.value, console.note)

        session = EditSession(video, output, Tracker(load, size))
        try:
            serve(session, port=port, browser=browser, todo="Edit")
        except KeyboardInterrupt:  # as good an end as any: all is on disk
            pass
        finally:
            session.close()
        console.result(session.to_json())
        console.print(session.to_text())
