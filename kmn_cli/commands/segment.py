"""`kmn segment`: from videos and masks to masks of every frame."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kmn_cli.batch.shard import parse_shard, slurm_shard
from kmn_cli.commands.console import Console, RemoteConsole
from kmn_cli.commands.options import (
    BOX_HELP,
    POINTS_HELP,
    Debug,
    Device,
    Fps,
    Json,
    MemoryEvery,
    Precision,
    PrecisionOf,
    Quiet,
    Read,
    ReadHow,
    Sigma,
    Size,
    Verbose,
    View,
    Weights,
    options_given,
    segment_options,
)
from kmn_cli.errors import UsageError


class Direction(StrEnum):
    """Which way objects are followed."""

    both = "both"
    forward = "forward"


class Engine(StrEnum):
    """What works off the videos."""

    local = "local"
    ray = "ray"


def segment(
    context: typer.Context,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            show_default=False,
            help="Video files, folders of frames, folders of videos (with sub-folders), or globs.",
        ),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(
            "--mask",
            metavar="MASK",
            show_default=False,
            help="Mask of the first frame; or FRAME=MASK, repeatable: several binary masks of one "
            "frame are objects 1, 2, …; or a folder of masks named like frames or, for several "
            "inputs, like the videos.",
        ),
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y,W,H", help=f"Instead of --mask. {BOX_HELP}", show_default=False),
    ] = None,
    points: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y…", help=f"Instead of --mask. {POINTS_HELP}", show_default=False),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Results go here.")
    ] = Path("kmn-out"),
    from_file: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Text file with one input a line; - for stdin."),
    ] = None,
    formats: Annotated[
        str,
        typer.Option("--format", help="Any of masks,overlay,soft,cutout,alpha."),
    ] = "masks,overlay",
    size: Size = None,
    view: View = "full",
    memory_every: MemoryEvery = 5,
    max_memory_frames: Annotated[
        int, typer.Option(min=0, help="Remember at most N frames; 0 is no limit.")
    ] = 20,
    sigma: Sigma = None,
    read: ReadHow = Read.kernel,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Begin at 12.5, 00:01:02 or 120f: the 121st frame, also of pictures, whatever "
            "the numbers in their names.",
        ),
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Stop before this time.")] = None,
    fps: Fps = None,
    deinterlace: Annotated[
        bool,
        typer.Option("--deinterlace/--no-deinterlace", help="Of interlaced videos, as from TV."),
    ] = True,
    direction: Annotated[
        Direction | None,
        typer.Option(
            show_default=False,
            help="both: also objects of later masks are followed backwards, and between two masks "
            "the nearer one decides; forward: frames before the first mask stay empty; default: "
            "these are followed backwards from the first mask.",
        ),
    ] = None,
    precision: PrecisionOf = Precision.auto,
    weights: Weights = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Redo results that are there already.")
    ] = False,
    save_every: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Save at most this often what an interrupted run needs to go on; 0 never does.",
        ),
    ] = 30.0,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="K/N",
            help="Do only the K-th of N parts of the inputs; a Slurm job array sets it.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Segment so many videos at a time.")
    ] = None,
    devices: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="One worker on each, such as cuda:0,cuda:1."),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            help="This machine, or a Ray cluster: a task a video, on a GPU if it has any."
        ),
    ] = Engine.local,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Of the Ray cluster; default: this machine's."),
    ] = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first video that fails.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what would be done, how long it takes and how much memory; write no results.",
        ),
    ] = False,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append one JSON line an event.")
    ] = None,
    device: Device = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Segment objects through videos, from a mask of one frame.

    Writes OUT/<name>/masks/*.png, overlay.mp4 and result.json for every input.
    """
    with Console(quiet=quiet, verbose=verbose, as_json=as_json, debug=debug) as console:
        # Imported here, and torch last: `kmn --help` and a mistyped path must not wait for them.
        from kmn_cli.batch.inputs import find_inputs
        from kmn_cli.batch.mask_arguments import MaskArgument, parse_masks
        from kmn_cli.batch.next_step import how_to_begin
        from kmn_cli.batch.workforce import Workforce
        from kmn_cli.media.result_formats import check_formats

        if log is not None:
            console.log_to(log)
        wanted = check_formats(formats.split(","))
        part = parse_shard(shard) if shard else None
        listen = RemoteConsole(quiet, verbose, debug, log)
        place = Workforce.of(device, devices, workers, engine is Engine.ray, address, listen)
        beside = [output, *(path for path in map(Path, mask or []) if path.is_dir())]
        found = find_inputs(inputs or [], from_file, apart=beside)
        for file in found.left_out:
            console.warn(f"{file.path} is left out: {file.reason}")
        single = len(found.videos) == 1
        drawn: list[MaskArgument] = []
        if (box or points) and (mask or not single):
            raise UsageError(
                "--box and --points mark objects of one video, without --mask.",
                "kmn init-mask makes masks for the rest.",
            )
        if (box or points) and dry_run:
            from kmn_cli.batch.first_mask import mask_for_plan

            made_up = mask_for_plan(found.videos[0].path, box or [], points or [], start)
            drawn = [MaskArgument(Path("box"), mask=made_up)]
        elif box or points:
            from kmn_cli.batch.first_mask import mask_for_segment, network_finder

            video, marks = found.videos[0], (box or [], points or [])
            find = network_finder(place.devices[0], console.detail)
            made = mask_for_segment(
                video.path, output / video.name, *marks, start, find, overwrite=overwrite
            )
            for text in made.warnings:
                console.warn(text)
            mask = [str(made.mask)]
        if not (mask or drawn):
            raise UsageError("No mask given.", how_to_begin(found.videos[0].path))
        arguments = drawn or parse_masks(mask or [], single)
        alone = single and from_file is None  # a list is a batch, however short
        part = part if alone else part or slurm_shard()
        videos = part.of(found.videos) if part else found.videos
        if part is not None and part.count > 1:
            count = f"{len(videos)} of {len(found.videos)}"
            console.note(f"part {part.index + 1} of {part.count}: {count}")

        from kmn_cli.commands.segment_run import Batch, Job, Order, Settings, carry_out
        from kmn_cli.media.video import Reading
        from kmn_cli.model import read_config

        options = segment_options(
            read_config(weights),
            size=size,
            memory_every=memory_every,
            max_memory_frames=max_memory_frames,
            sigma=sigma,
            read=read,
            precision=precision,
            view=view,
        )
        way = direction.value if direction else "auto"
        reading = Reading(fps, deinterlace)
        settings = Settings(options, start, end, wanted, overwrite, save_every, way, reading)
        jobs = [Job(video, arguments, alone, output / video.name) for video in videos]
        typed = options_given(context, leave_out={"from_file", "shard"})
        batch = Batch(jobs, output, part, typed, fail_fast, found.left_out)
        carry_out(Order(batch, mask or [], settings, weights, place, alone, dry_run), console)
