"""`kmn export-masks --dataset`: a submission zip that is checked against the data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kmn_cli.commands.console import Console
from kmn_cli.commands.export_run import is_file_name
from kmn_cli.commands.options import refuse_existing
from kmn_cli.errors import InputError, UsageError
from kmn_cli.evaluation.benchmark import load_benchmark
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.submission import write_submission
from kmn_cli.media.exports.formats import FORMATS

_PROTOCOLS = {"davis-zip": Protocol.DAVIS2017, "youtube-vos-zip": Protocol.YOUTUBE_VOS}


def submit(
    format_name: str,
    dataset: Path,
    split: str,
    results: Sequence[Path],
    output: Path,
    console: Console,
    *,
    overwrite: bool,
) -> None:
    """Write the zip once every mask that the server wants is there and right.

    Raises:
        UsageError: the format is no submission, or there are several folders of results.
        InputError: masks are missing or wrong.
    """
    if format_name not in _PROTOCOLS:
        raise UsageError(
            f"--dataset does not go with {format_name}.", "It checks davis-zip and youtube-vos-zip."
        )
    if len(results) > 1:
        raise UsageError(
            "--dataset needs one folder that holds the results of all videos.",
            "Give the folder above them.",
        )
    if not results[0].is_dir():
        raise InputError(f"There is no folder {results[0]}.", "Check the spelling of the path.")
    is_file = is_file_name(output, format_name)
    target = output if is_file else output / FORMATS[format_name].output
    refuse_existing(target, overwrite)
    benchmark = load_benchmark(dataset, _PROTOCOLS[format_name], split)
    count = write_submission(benchmark, results[0], target)
    console.result({"format": format_name, "outputs": [{"output": str(target), "masks": count}]})
    console.print(f"{target}: {count} masks of {len(benchmark.videos)} videos")
