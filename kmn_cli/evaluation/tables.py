"""The official CSV files, and scores.json with everything there is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kmn_cli import __version__
from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.method import Method
from kmn_cli.evaluation.metrics import Floats, Statistics
from kmn_cli.evaluation.scores import SequenceScore, Summary
from kmn_cli.evaluation.youtube_vos import GroupScore
from kmn_cli.files import atomic_path

GLOBAL_COLUMNS = (
    "J&F-Mean",
    "J-Mean",
    "J-Recall",
    "J-Decay",
    "F-Mean",
    "F-Recall",
    "F-Decay",
)

GROUP_COLUMNS = ("G-Mean", "J-Seen", "F-Seen", "J-Unseen", "F-Unseen")


def global_row(summary: Summary) -> tuple[float, ...]:
    """The values of GLOBAL_COLUMNS."""
    j, f = summary.j, summary.f
    return (summary.jf_mean, j.mean, j.recall, j.decay, f.mean, f.recall, f.decay)


def group_row(groups: GroupScore) -> tuple[float, ...]:
    """The values of GROUP_COLUMNS."""
    return (groups.g_mean, groups.j_seen, groups.f_seen, groups.j_unseen, groups.f_unseen)


def sequence_rows(scores: Sequence[SequenceScore]) -> list[tuple[str, float, float]]:
    """Name, J-Mean and F-Mean of every object, named `{sequence}_{id}`."""
    return [
        (f"{score.name}_{object_id}", j.mean, f.mean)
        for score in scores
        for object_id, j, f in zip(
            score.object_ids, score.j_statistics, score.f_statistics, strict=True
        )
    ]


def write_csvs(folder: Path, split: str, method: Method) -> list[Path]:
    """Write the two CSV files of the official tool, byte for byte as it does."""
    tables: dict[str, list[tuple[str | float, ...]]] = {
        f"global_results-{split}.csv": [GLOBAL_COLUMNS, global_row(method.summary)],
        f"per-sequence_results-{split}.csv": [
            ("Sequence", "J-Mean", "F-Mean"),
            *sequence_rows(method.scores),
        ],
    }
    for name, rows in tables.items():
        text = "".join(",".join(map(_cell, row)) + "\n" for row in rows)
        with atomic_path(folder / name) as part:
            part.write_bytes(text.encode())
    return [folder / name for name in tables]


def scores_document(benchmark: Benchmark, methods: Sequence[Method]) -> dict[str, Any]:
    """Everything that is known, ready for JSON: values in 0..1, null where there is no number."""
    document = {
        "version": __version__,
        "data": str(benchmark.root),
        "protocol": benchmark.protocol.value,
        "split": benchmark.split,
        **_method(methods[0]),
    }
    if methods[1:]:
        document["compared"] = [_method(method) for method in methods[1:]]
    plain: dict[str, Any] = _plain(document)
    return plain


def _method(method: Method) -> dict[str, Any]:
    document: dict[str, Any] = {
        "method": method.name,
        "results": str(method.results),
        "global": dict(zip(GLOBAL_COLUMNS, global_row(method.summary), strict=True)),
    }
    if method.groups:
        document["groups"] = dict(zip(GROUP_COLUMNS, group_row(method.groups), strict=True))
    if run := method.total_run:
        document["speed"] = {**asdict(run), "frames_per_second": run.frames_per_second}
    document["warnings"] = [warning for score in method.scores for warning in score.warnings]
    document["sequences"] = {score.name: _sequence(method, score) for score in method.scores}
    return document


def _sequence(method: Method, score: SequenceScore) -> dict[str, Any]:
    document: dict[str, Any] = {
        "J&F-Mean": score.jf_mean,
        "J-Mean": score.j_mean,
        "F-Mean": score.f_mean,
        "frames": list(score.frames),
        "objects": {
            str(object_id): {
                "J": _values(score.j[k], score.j_statistics[k]),
                "F": _values(score.f[k], score.f_statistics[k]),
            }
            for k, object_id in enumerate(score.object_ids)
        },
    }
    if run := method.runs.get(score.name):
        document["speed"] = {**asdict(run), "frames_per_second": run.frames_per_second}
    return document


def _values(values: Floats, statistics: Statistics) -> dict[str, Any]:
    return {**asdict(statistics), "per_frame": [round(value, 6) for value in values.tolist()]}


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.3f}"
