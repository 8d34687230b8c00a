"""`kmn evaluate`: official scores, submission zips and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmn_cli.commands.console import Console
from kmn_cli.commands.options import (
    Debug,
    Device,
    Json,
    MemoryEvery,
    Precision,
    PrecisionOf,
    Quiet,
    Read,
    ReadHow,
    Sigma,
    Verbose,
    segment_options,
)
from kmn_cli.errors import InputError, UsageError
from kmn_cli.evaluation.protocol import Protocol

if TYPE_CHECKING:
    from kmn_cli.inference.segmenter import SegmentOptions
    from kmn_cli.model import KMNConfig


def evaluate(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", show_default=False, help="Folder of the data set.")
    ],
    protocol: Annotated[Protocol, typer.Option(help="By whose rules to score.")],
    split: Annotated[str, typer.Option(help="Split of the data set.")] = "val",
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Score these masks, DIR/SEQUENCE/FRAME.png, instead of segmenting first.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            show_default=False,
            help="Folder for masks, tables and report; default: kmn-out/ROOT-PROTOCOL-SPLIT, and "
            "with --results DIR beside it, DIR-scores.",
        ),
    ] = None,
    sequences: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these sequences.")
    ] = None,
    without: Annotated[
        str | None, typer.Option(metavar="A,B", help="All sequences but these.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Set other results beside these.")
    ] = None,
    zip_file: Annotated[
        Path | None,
        typer.Option("--zip", metavar="FILE", help="Write the submission zip, if it is complete."),
    ] = None,
    ablation: Annotated[
        bool,
        typer.Option("--ablation", help="Segment with and without the kernel, for each --weights."),
    ] = False,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|PATH",
            show_default=False,
            help="A .safetensors of kmn's, or STM's .pth; repeatable with --ablation.",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=16,
            show_default=False,
            help="Short side the network sees; default: what the weights are best at, or the "
            "paper's 480; for DAVIS test-dev a quarter more, the paper's 600.",
        ),
    ] = None,
    memory_every: MemoryEvery = 5,
    max_memory_frames: Annotated[
        int, typer.Option(min=0, help="Remember at most N frames; 0 is no limit, as in the paper.")
    ] = 0,
    sigma: Sigma = None,
    read: ReadHow = Read.kernel,
    precision: PrecisionOf = Precision.auto,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Segment anew what is there already.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, show_default=False, help="Processes; default: one a core.")
    ] = None,
    device: Device = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Score masks by the official rules; without --results, segment the data set first.

    Writes the official CSV files, scores.json, per_frame.svg and report.html.
    """
    with Console(quiet=quiet, verbose=verbose, as_json=as_json, debug=debug) as console:
        _check_options(results, compare, ablation, weights or [])
        from kmn_cli.evaluation.benchmark import load_benchmark

        benchmark = load_benchmark(root, protocol, split, _names(sequences), _names(without))
        if not benchmark.has_truth and (compare or ablation):
            raise InputError(f"{root}: the {split} split has no ground truth to score against.")
        folder = out or _default_folder(results, f"{root.resolve().name}-{protocol.value}-{split}")
        if results is None:
            from kmn_cli.evaluation.checks import check_scorable

            if benchmark.has_truth:
                check_scorable(benchmark.tasks(folder))
            from kmn_cli.commands.evaluate_segment import Segmenting

            segmenting = Segmenting(benchmark, device, console, overwrite=overwrite)
            chosen: list[str | None] = [*weights] if weights else [None]

            def options(network: KMNConfig) -> SegmentOptions:
                larger = network.size * 5 // 4 if benchmark.is_enlarged else None
                return segment_options(
                    network,
                    size=larger if size is None else size,
                    memory_every=memory_every,
                    max_memory_frames=max_memory_frames,
                    sigma=sigma,
                    read=read,
                    precision=precision,
                )

            if ablation:
                from kmn_cli.commands.evaluate_ablation import run_ablation

                run_ablation(segmenting, chosen, options, folder, workers)
                return
            checkpoint = segmenting.load(chosen[0])
            segmenting.run(checkpoint, options(checkpoint.model.config), folder)
        from kmn_cli.commands.evaluate_score import score_and_report

        score_and_report(
            benchmark,
            results or folder,
            folder,
            console,
            compare=compare,
            zip_file=zip_file,
            workers=workers,
        )


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _default_folder(results: Path | None, name: str) -> Path:
    if results is None:
        return Path("kmn-out") / name
    named = results if results.name not in ("", "..") else results.resolve()
    return named.with_name(f"{named.name}-scores")


def _check_options(
    results: Path | None, compare: Path | None, ablation: bool, weights: list[str]
) -> None:
    if ablation and (results or compare):
        raise UsageError("--ablation segments by itself.", "Leave out --results and --compare.")
    if results and weights:
        raise UsageError("--results are scored as they are.", "Leave out --weights.")
    if len(weights) > 1 and not ablation:
        raise UsageError("Several --weights need --ablation.", "Or give one.")
    for folder in (results, compare):
        if folder is not None and not folder.is_dir():
            raise InputError(f"{folder}: no such folder.")
