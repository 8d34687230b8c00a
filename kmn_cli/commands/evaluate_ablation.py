"""`kmn evaluate --ablation`: the paper's Table 3 on the data at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from kmn_cli.commands.evaluate_score import score, write_files
from kmn_cli.commands.evaluate_segment import Segmenting
from kmn_cli.evaluation.method import Method
from kmn_cli.evaluation.page import number
from kmn_cli.evaluation.report import write_report
from kmn_cli.evaluation.tables import global_row
from kmn_cli.files import write_json
from kmn_cli.inference.segmenter import SegmentOptions
from kmn_cli.model import KMNConfig

_COLUMNS = ("weights", "read", "J&F", "J", "F", "fps")


def run_ablation(
    segmenting: Segmenting,
    weights: Sequence[str | None],
    options: Callable[[KMNConfig], SegmentOptions],
    folder: Path,
    workers: int | None,
) -> None:
    """Segment and score with the kernel and without, for each of the weights.

    `options` says how a network is run best.

    Writes `folder/WEIGHTS-READ/` each with its masks, tables and report, and
    `folder/ablation.json`; `folder/report.html` sets the two reads side by side, for the first
    weights, and `folder/report-WEIGHTS.html` for the others.
    """
    console, benchmark = segmenting.console, segmenting.benchmark
    table = Table(title="Ablation", box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in ("weights", "read") else "right")
    rows: list[dict[str, Any]] = []
    reports: list[str] = []
    taken: set[str] = set()
    for given in weights:
        checkpoint = segmenting.load(given)
        name = checkpoint.name
        if name in taken:
            name = f"{name}-{checkpoint.sha256[:8]}"
        taken.add(name)
        methods = []
        network = checkpoint.model.config
        own = options(network)
        for read, value in (("kernel", own.sigma or network.sigma), ("plain", None)):
            out = folder / f"{name}-{read}"
            segmenting.run(checkpoint, replace(own, sigma=value), out)
            method = score(benchmark, f"{name} {read}", out, console, workers)
            write_files(benchmark, [method], out)
            rows.append(_row(name, read, method))
            methods.append(method)
        report = folder / (f"report-{name}.html" if reports else "report.html")
        write_report(report, benchmark, methods)
        reports.append(str(report))
    for row in rows:
        table.add_row(*(number(v) if isinstance(v, float) else v for v in row.values()))
    console.print(table)
    document = {"protocol": benchmark.protocol.value, "split": benchmark.split, "rows": rows}
    write_json(folder / "ablation.json", document)
    console.print(f"report: {', '.join(reports)}")
    console.result({**document, "files": {"ablation": str(folder / "ablation.json")}})


def _row(name: str, read: str, method: Method) -> dict[str, Any]:
    jf, j, _, _, f, *_ = global_row(method.summary)
    run = method.total_run
    speed = run.frames_per_second if run else 0.0
    return dict(zip(_COLUMNS, (name, read, jf, j, f, speed), strict=True))
