from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.method import Method
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.scores import SequenceScore
from kmn_cli.evaluation.tables import scores_document, write_csvs
from kmn_cli.files import write_json


def method(j: np.ndarray, f: np.ndarray) -> Method:
    names = tuple(f"{t:05d}" for t in range(1, j.shape[1] + 1))
    score = SequenceScore("goat", tuple(range(1, len(j) + 1)), names, j, f)
    return Method("ours", Path("r"), (), (score,))


def test_csv_files_are_the_official_bytes(tmp_path: Path) -> None:
    j = np.array([[0.9, 0.8, 0.7, 0.6], [0.5, 0.4, 0.3, 0.2]])
    write_csvs(tmp_path, "val", method(j, j / 2))
    # Decay: the bins' ends are frames 1, 2, 3 (1.75, 2.5, 3.25 rounded) and 4, inclusive.
    assert (tmp_path / "global_results-val.csv").read_bytes() == (
        b"J&F-Mean,J-Mean,J-Recall,J-Decay,F-Mean,F-Recall,F-Decay\n"
        b"0.413,0.550,0.500,0.200,0.275,0.000,0.100\n"
    )
    assert (tmp_path / "per-sequence_results-val.csv").read_bytes() == (
        b"Sequence,J-Mean,F-Mean\ngoat_1,0.750,0.375\ngoat_2,0.350,0.175\n"
    )


def test_existing_csv_files_are_written_anew(tmp_path: Path) -> None:
    old = tmp_path / "global_results-val.csv"
    old.write_text("J&F-Mean\n1.000\n")
    write_csvs(tmp_path, "val", method(np.zeros((1, 3)), np.zeros((1, 3))))
    assert old.read_text().endswith("0.000,0.000,0.000,0.000,0.000,0.000,0.000\n")


def test_scores_json_has_everything_and_no_nan(tmp_path: Path) -> None:
    j = np.array([[0.9, np.nan, 0.7]])
    benchmark = Benchmark(Path("data"), Protocol.DAVIS2017, "val", ())
    path = tmp_path / "scores.json"
    write_json(path, scores_document(benchmark, [method(j, j), method(j / 2, j / 2)]))
    document = json.loads(path.read_text())
    assert document["global"]["J-Mean"] == 0.8
    assert document["sequences"]["goat"]["objects"]["1"]["J"]["per_frame"] == [0.9, None, 0.7]
    assert document["compared"][0]["global"]["J-Mean"] == 0.4
