"""`kmn init-mask`: a first mask without an image editor."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmn_cli.commands.console import Console
from kmn_cli.commands.options import (
    BOX_HELP,
    POINTS_HELP,
    POLYGON_HELP,
    Browser,
    Debug,
    Device,
    Json,
    Port,
    Quiet,
    Verbose,
    refuse_existing,
)
from kmn_cli.errors import UsageError
from kmn_cli.media.prompt_text import parse_prompts

if TYPE_CHECKING:
    from kmn_cli.batch.first_mask import FirstMask, Saved


class Edges(StrEnum):
    """What finds the edges of an object."""

    network = "network"
    colours = "colours"


def init_mask(
    video: Annotated[
        Path,
        typer.Argument(
            metavar="VIDEO", show_default=False, help="A video, a folder of frames or a picture."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MASK", help="The index PNG to write.")
    ] = Path("mask.png"),
    frame: Annotated[
        str,
        typer.Option(
            metavar="N", help="The frame, counted from 0; of pictures, a file's name or number."
        ),
    ] = "0",
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,W,H",
            show_default=False,
            help=BOX_HELP,
        ),
    ] = None,
    points: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"X,Y -X,Y"',
            show_default=False,
            help=POINTS_HELP,
        ),
    ] = None,
    polygon: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"X,Y X,Y …"',
            show_default=False,
            help=POLYGON_HELP,
        ),
    ] = None,
    from_labelme: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", show_default=False, help="Shapes drawn with labelme."),
    ] = None,
    edges: Annotated[
        Edges,
        typer.Option(
            help="What finds edges from boxes and points: the shipped network, or colours alone."
        ),
    ] = Edges.network,
    web: Annotated[
        bool, typer.Option("--web", help="Draw it in the browser, on a page of this machine.")
    ] = False,
    browser: Browser = True,
    port: Port = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a mask that is there already.")
    ] = False,
    device: Device = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make the mask of one frame from boxes, points or outlines.

    Beside MASK, a preview is written that shows it over the frame.
    """
    with Console(quiet=quiet, verbose=verbose, as_json=as_json, debug=debug) as console:
        from kmn_cli.batch.first_mask import FirstMask, network_finder, preview_of
        from kmn_cli.media.edges import by_colours
        from kmn_cli.media.frame_store import FrameStore

        if output.suffix.lower() != ".png":  # others would blur ids
            raise UsageError(f"-o {output}: a mask is a PNG.", "Name it MASK.png.")
        prompts = parse_prompts(box or [], points or [], polygon or [])
        if web and (prompts or from_labelme):
            raise UsageError("--web starts with an empty page.", "Leave out --box and the like.")
        for path in (output, preview_of(output)):
            refuse_existing(path, overwrite)
        with FrameStore(video) as store:
            index = store.index(frame)
            by_network = edges is Edges.network
            find = network_finder(device, console.detail) if by_network else by_colours
            first = FirstMask(store, video, output, find)
            if web:
                saved = _draw(first, index, console, port=port, browser=browser)
            else:
                names = first.add_labelme(prompts, from_labelme or [])
                saved = first.save(index, prompts, names)
        for text in saved.warnings:
            console.warn(text)
        console.result(saved.to_json())
        console.print(saved.to_text())


def _draw(first: FirstMask, frame: int, console: Console, *, port: int, browser: bool) -> Saved:
    """Show the page until it is closed, and return what was saved last."""
    from kmn_cli.web.server import serve
    from kmn_cli.web.session import MaskSession

    session = MaskSession(first, frame)
    try:
        serve(session, port=port, browser=browser, todo="Draw the mask")
    except KeyboardInterrupt:
        if session.saved is None:
            raise
    if session.saved is None:
        raise UsageError("The page was closed, and nothing was saved.", "Press Save on the page.")
    return session.saved
