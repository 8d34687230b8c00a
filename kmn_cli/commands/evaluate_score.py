"""What `kmn evaluate` does with results: score, tell, write, pack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console as RichConsole
from rich.table import Table

from kmn_cli.commands.console import Console
from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.frame_curves import write_per_frame_plot
from kmn_cli.evaluation.method import Method, score_method
from kmn_cli.evaluation.page import memory, number
from kmn_cli.evaluation.predicted_ids import counted
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.report import write_report
from kmn_cli.evaluation.submission import write_submission
from kmn_cli.evaluation.tables import (
    GLOBAL_COLUMNS,
    GROUP_COLUMNS,
    global_row,
    group_row,
    scores_document,
    sequence_rows,
    write_csvs,
)
from kmn_cli.files import write_json


def score_and_report(
    benchmark: Benchmark,
    results: Path,
    folder: Path,
    console: Console,
    *,
    compare: Path | None,
    zip_file: Path | None,
    workers: int | None,
) -> None:
    """Score results where there is ground truth, and write the zip where one is wanted.

    Args:
        results: the masks.
        folder: for tables and report.
        compare: other masks.
        zip_file: the submission; a whole split without ground truth gets one anyway.
    """
    document: dict[str, Any] = {"results": str(results)}
    files: dict[str, str] = {}
    if benchmark.has_truth:
        labels = _labels(results, compare)
        methods = [
            score(benchmark, label, where, console, workers) for label, where in labels.items()
        ]
        for table in score_tables(methods, console.out):
            console.print(table)
        console.print(benchmark.protocol.scored_frames)
        document, files = write_files(benchmark, methods, folder)
    else:
        console.note(f"{benchmark.root}: no ground truth at hand, so there is nothing to score.")
        if benchmark.whole:
            zip_file = zip_file or folder / f"{benchmark.split}.zip"
        elif zip_file is None:
            console.note("Some sequences are left out: no zip is written; --zip FILE writes one.")
    if zip_file is not None:
        if not benchmark.whole:
            console.warn(f"{zip_file}: some sequences are left out.")
        count = write_submission(benchmark, results, zip_file)
        sequences = counted(len(benchmark.videos), "sequence")
        console.print(f"{zip_file}: {counted(count, 'mask')} of {sequences}")
        files["zip"] = str(zip_file)
    if "report" in files:
        console.print(f"report: {files['report']}")
    console.result({**document, "files": files})


def score(
    benchmark: Benchmark, label: str, results: Path, console: Console, workers: int | None
) -> Method:
    """Score one folder with a progress bar, and pass on what it warns of."""
    with console.progress("scoring", len(benchmark.videos), unit="sequences") as progress:
        method = score_method(
            benchmark, label, results, workers, on_done=lambda score: progress.advance()
        )
    for one in method.scores:
        for warning in one.warnings:
            console.warn(warning)
    if benchmark.protocol is Protocol.YOUTUBE_VOS and benchmark.seen_categories() is None:
        console.warn(
            f"{benchmark.root}: no train/meta.json, so every category counts as seen; "
            "G is the mean over the seen ones."
        )
    return method


def score_tables(methods: Sequence[Method], out: RichConsole) -> list[Table]:
    """The official tables: global, and per sequence and object."""
    named = len(methods) > 1
    heads = [
        f"{kind} {m.name}" if named else kind for m in methods for kind in ("J-Mean", "F-Mean")
    ]
    each = _table("Per sequence results", ["Sequence", *heads])
    for rows in zip(*(sequence_rows(method.scores) for method in methods), strict=True):
        each.add_row(rows[0][0], *(number(value) for row in rows for value in row[1:]))
    return [each, _global_table(methods, out), *speed_table(methods)]


def _global_table(methods: Sequence[Method], out: RichConsole) -> Table:
    """The official figures: a row for each method where that fits, else for each figure."""
    title, has_groups = "Global results", methods[0].groups is not None
    columns = [*(GROUP_COLUMNS if has_groups else ()), *GLOBAL_COLUMNS]
    values = {
        method.name: [
            number(value)
            for value in (
                *(group_row(method.groups) if method.groups else ()),
                *global_row(method.summary),
            )
        ]
        for method in methods
    }
    wide = _table(title, ["", *columns] if len(methods) > 1 else columns)
    for name, cells in values.items():
        wide.add_row(*([name] if len(methods) > 1 else []), *cells)
    if out.measure(wide, options=out.options.update_width(1000)).maximum <= out.width:
        return wide
    tall = _table(title, ["", *values])
    for row in zip(columns, *values.values(), strict=True):
        tall.add_row(*row)
    return tall


def speed_table(methods: Sequence[Method]) -> list[Table]:
    """Speed and memory of those methods that were segmented by this program."""
    runs = [(method.name, run) for method in methods if (run := method.total_run)]
    if not runs:
        return []
    table = _table("Speed", ["", "frames", "seconds", "fps", "peak memory"])
    for name, run in runs:
        speed = f"{run.frames_per_second:.2f}"
        table.add_row(name, str(run.frames), f"{run.seconds:.1f}", speed, memory(run.peak_memory))
    return [table]


def write_files(
    benchmark: Benchmark, methods: Sequence[Method], folder: Path
) -> tuple[dict[str, Any], dict[str, str]]:
    """Write tables, plot and report; gives what --json says, and the files by kind."""
    csvs = write_csvs(folder, benchmark.split, methods[0])
    document = scores_document(benchmark, methods)
    paths = {
        "global": csvs[0],
        "per_sequence": csvs[1],
        "scores": folder / "scores.json",
        "plot": folder / "per_frame.svg",
        "report": folder / "report.html",
    }
    write_json(paths["scores"], document)
    write_per_frame_plot(paths["plot"], methods)
    write_report(paths["report"], benchmark, methods)
    return _brief(document), {kind: str(path) for kind, path in paths.items()}


def _brief(document: dict[str, Any]) -> dict[str, Any]:
    """The scores without those of single frames, which are in scores.json."""
    brief = dict(document)
    brief["sequences"] = {
        name: {key: value for key, value in sequence.items() if key not in ("frames", "objects")}
        for name, sequence in document["sequences"].items()
    }
    if "compared" in document:
        brief["compared"] = [_brief(method) for method in document["compared"]]
    return brief


def _labels(results: Path, compare: Path | None) -> dict[str, Path]:
    """The folders by short names that tell them apart."""
    if compare is None:
        return {results.resolve().name: results}
    names = [results.resolve().name, compare.resolve().name]
    if names[0] == names[1]:
        names = [str(results), str(compare)]
    return dict(zip(names, (results, compare), strict=True))


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i or column in GLOBAL_COLUMNS else "left")
    return table
