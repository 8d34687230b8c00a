"""`kmn export-masks`: results for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kmn_cli.commands.console import Console
from kmn_cli.commands.options import Debug, Fps, Json, Quiet, Verbose
from kmn_cli.errors import UsageError


class Format(StrEnum):
    """What masks can be exported to."""

    binary = "binary"
    rgba = "rgba"
    overlay = "overlay"
    alpha = "alpha"
    alpha_webm = "alpha-webm"
    green_screen = "green-screen"
    coco = "coco"
    yolo = "yolo"
    cvat = "cvat"
    npz = "npz"
    contact_sheet = "contact-sheet"
    davis_zip = "davis-zip"
    youtube_vos_zip = "youtube-vos-zip"


def export_masks(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...",
            show_default=False,
            help="Result folders of `kmn segment`, folders of them, or any folder of index PNGs.",
        ),
    ],
    to: Annotated[
        Format,
        typer.Option("--to", metavar="FORMAT", show_default=False, help=f"{', '.join(Format)}."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="A folder: OUT/<video>/… is written; or, for a single file, its name.",
        ),
    ] = Path("kmn-export"),
    video: Annotated[
        Path | None,
        typer.Option(
            show_default=False,
            help="The source, or the folder with the sources of several results; default: the "
            "one that result.json names.",
        ),
    ] = None,
    objects: Annotated[
        str | None, typer.Option(metavar="1,3", show_default=False, help="Only these objects.")
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            metavar="1=dog,2=cat",
            show_default=False,
            help="What objects are called; VIDEO:1=dog is of one video; or a CSV file with the "
            "columns video, id and name.",
        ),
    ] = None,
    fps: Fps = None,
    every: Annotated[
        int | None,
        typer.Option(
            min=1, show_default=False, help="Only every N-th frame; a contact sheet has 20."
        ),
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Write the frames, too (coco, yolo).")
    ] = False,
    dataset: Annotated[
        Path | None,
        typer.Option(
            metavar="ROOT", show_default=False, help="Check a submission zip against this data set."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the data set.")] = "val",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is there already.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write masks as other programs want them: mattes, annotations, submissions."""
    with Console(quiet=quiet, verbose=verbose, as_json=as_json, debug=debug) as console:
        from kmn_cli.commands.export_run import Export, parse_objects, run_export
        from kmn_cli.media.exports.names import parse_names

        chosen, called = parse_objects(objects), parse_names(names)
        if dataset is None:
            export = Export(to.value, output, video, chosen, called, every, images, overwrite, fps)
            run_export(export, results, console)
            return
        if video or chosen or names or every or images:
            raise UsageError(
                "--dataset checks and packs the masks as they are.",
                "Leave out --video, --objects, --names, --every and --images.",
            )
        from kmn_cli.commands.export_submission import submit

        submit(to.value, dataset, split, results, output, console, overwrite=overwrite)
