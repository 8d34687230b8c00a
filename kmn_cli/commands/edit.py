"""`kmn edit`: the page where a result becomes right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmn_cli.commands.console import Console
from kmn_cli.commands.options import (
    Browser,
    Debug,
    Device,
    Json,
    Port,
    Precision,
    PrecisionOf,
    Quiet,
    Size,
    Verbose,
    Weights,
)
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
    size: Size = None,
    precision: PrecisionOf = Precision.auto,
    weights: Weights = None,
    device: Device = "auto",
    browser: Browser = True,
    port: Port = 0,
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
        from kmn_cli.batch.first_mask import network_finder
        from kmn_cli.web.edit_session import EditSession
        from kmn_cli.web.server import serve
        from kmn_cli.web.tracker import Tracker

        if video is not None and not video.exists():
            raise InputError(f"There is no {video}.", "Check the spelling of the path.")

        def load(made_in: str) -> LoadedNetwork:
            from kmn_cli.api import load_network

            wanted = made_in if precision is Precision.auto else precision.value
            return load_network(weights, device, wanted, console.note)

        find = network_finder(device, console.note)
        session = EditSession(video, output, Tracker(load, size), find)
        try:
            serve(session, port=port, browser=browser, todo="Edit")
        except KeyboardInterrupt:  # as good an end as any: all is on disk
            pass
        finally:
            session.close()
        console.result(session.to_json())
        console.print(session.to_text())
