"""`kmn init-mask`: a first mask without an image editor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kmn_cli.commands.console import Console
from kmn_cli.commands.options import (
    BOX_HELP,
    POINTS_HELP,
    POLYGON_HELP,
    Debug,
    Json,
    Quiet,
    Verbose,
    refuse_existing,
)
from kmn_cli.errors import UsageError
from kmn_cli.media.prompt_text import parse_prompts


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
    web: Annotated[
        bool, typer.Option("--web", help="Draw it in the browser, on a page of this machine.")
    ] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="With --web, open the page.")
    ] = True,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="With --web: of 127.0.0.1; 0 is any free one.")
    ] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a mask that is there already.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make the mask of one frame from boxes, points or outlines.

    Beside MASK, a preview is written that shows it over the frame.
    """
    with Console(quiet=quiet, verbose=verbose, as_json=as_json, debug=debug) as console:
        from kmn_cli.batch.first_mask import FirstMask, preview_of
        from kmn_cli.media.frame_store import FrameStore

        if output.suffix.lower() != ".png":  # others would blur ids
            raise UsageError(f"-o {output}: a mask is a PNG.", "Name it MASK.png.")
        prompts = parse_prompts(box or [], points or [], polygon or [])
        if web and (prompts or from_labelme):
            raise UsageError("--web starts with an empty page.", "Leave out --box and the like.")
        for path in (output, preview_of(output)):
            refuse_existing(path, overwrite)
        with FrameStore(video) as store:
            first = FirstMask(store, video, output)
            index = store.index(frame)
            if web:
                from kmn_cli.web.server import serve

                saved = serve(first, index, console, port=port, browser=browser)
            else:
                names = first.add_labelme(prompts, from_labelme or [])
                saved = first.save(index, prompts, names)
        console.result(saved.to_json())
        console.print(saved.to_text())
