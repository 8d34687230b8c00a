"""`kmn segment`: from videos and masks to masks of every frame."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from kmn_cli.commands.console import Console
from kmn_cli.commands.inputs import find_inputs, output_name
from kmn_cli.commands.options import Debug, Device, Json, Quiet, Verbose
from kmn_cli.errors import BatchError, KmnError, UsageError


class Read(StrEnum):
    """How the memory is read."""

    kernel = "kernel"
    plain = "plain"


class Precision(StrEnum):
    """Arithmetic of the network."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


def segment(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            show_default=False,
            help="Video files, folders of frames, folders of videos, or globs.",
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
    size: Annotated[
        int, typer.Option(min=0, help="Short side the network sees, in pixels; 0 is native.")
    ] = 480,
    memory_every: Annotated[int, typer.Option(min=1, help="Remember every N-th frame.")] = 5,
    max_memory_frames: Annotated[
        int, typer.Option(min=0, help="Remember at most N frames; 0 is no limit.")
    ] = 20,
    sigma: Annotated[
        float, typer.Option(help="Standard deviation of the kernel, in cells of 16 pixels.")
    ] = 7.0,
    read: Annotated[
        Read, typer.Option(help="Memory read: with the kernel, or plain as in STM.")
    ] = Read.kernel,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Begin at 12.5, 00:01:02 or 120f.")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Stop before this time.")] = None,
    precision: Annotated[
        Precision, typer.Option(help="auto is bf16 where the device has it.")
    ] = Precision.auto,
    weights: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="A .safetensors of kmn's, or STM's .pth."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Redo results that are there already.")
    ] = False,
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
        from kmn_cli.commands.mask_plan import masks_of, parse_masks

        wanted = _formats(formats)
        videos = find_inputs(inputs or [], from_file)
        alone = len(videos) == 1
        arguments = parse_masks(mask or [], alone)

        from kmn_cli.commands.segment_one import Job, Settings, segment_one
        from kmn_cli.inference.segmenter import SegmentOptions
        from kmn_cli.model.checkpoint import load_checkpoint

        options = SegmentOptions(
            size=size,
            memory_every=memory_every,
            max_memory_frames=max_memory_frames,
            sigma=sigma if read is Read.kernel else None,
            precision=precision.value,
        )
        settings = Settings(options, start, end, wanted)
        checkpoint = load_checkpoint(weights)
        chosen = console.choose_device(device)
        console.detail(f"weights: {checkpoint.path} (sha256 {checkpoint.sha256})")

        results: list[dict[str, Any]] = []
        failures: dict[Path, KmnError] = {}
        for video in videos:
            try:
                masks = masks_of(video, arguments, alone)
                job = Job(video, masks, output / output_name(video))
                result = segment_one(
                    job, settings, checkpoint, chosen, console, overwrite=overwrite
                )
                results.append({"output": str(job.folder), **result})
            except Exception as error:
                if alone:
                    raise
                console.note(f"{video} failed:")
                failures[video] = console.error(error)
        _report(console, results, failures, len(videos))


def _formats(text: str) -> tuple[str, ...]:
    from kmn_cli.media.sinks import FORMATS

    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise UsageError(
            f"--format {text}: unknown {', '.join(unknown) or 'nothing'}.",
            f"Choose from {', '.join(FORMATS)}, separated by commas.",
        )
    return names


def _report(
    console: Console,
    results: list[dict[str, Any]],
    failures: dict[Path, KmnError],
    total: int,
) -> None:
    if total == 1:
        console.result(results[0])
    else:
        failed = [
            {"input": str(video), "message": error.message, "exit_code": int(error.exit_code)}
            for video, error in failures.items()
        ]
        console.result({"results": results, "failed": failed})
    console.print(_table(results))
    if failures:
        raise BatchError(
            f"{len(failures)} of {total} inputs failed: {', '.join(map(str, failures))}.",
            "Run the same command again after mending them; finished videos are skipped.",
        )


def _table(results: list[dict[str, Any]]) -> Table:
    table = Table()
    for column in ("video", "frames", "objects", "fps", "peak memory", "seconds", "results"):
        table.add_column(column, overflow="fold")
    for result in results:
        table.add_row(
            Path(result["input"]).name,
            str(result["frames"]),
            str(len(result["object_ids"])),
            f"{result['frames_per_second']:.2f}",
            f"{result['peak_memory_bytes'] / 2**20:.0f} MiB",
            f"{result['seconds']['total']:.1f}",
            result["output"],
        )
    return table
