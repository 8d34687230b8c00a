"""--engine ray, on a cluster of two machines of which both are this one.

Ray is no part of the development environment: pip install -e '.[ray]', then
pytest tests/batch/test_ray.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Kmn = Callable[..., Result]
Draw = Callable[..., Path]
ABSENT = "Ray is not installed: pip install 'kmn[ray]'"


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a head and a second node, with room for one task each."""
    pytest.importorskip("ray", reason=ABSENT)
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    nodes.add_node(num_cpus=1)
    yield nodes.address
    nodes.shutdown()


@pytest.fixture
def run(kmn: Kmn, cluster: str, movie: Path, draw: Draw, tmp_path: Path, tiny_weights: Path) -> Kmn:
    """`kmn segment` of three videos on the cluster, from the folder they lie in."""
    shelf = tmp_path / "my shelf"
    shelf.mkdir()
    for name in ("a", "b", "c"):
        shutil.copy(movie, shelf / f"{name}.mp4")
        draw(f"masks/{name}.png", 1)

    def segment(*arguments: object) -> Result:
        common = ["--mask", tmp_path / "masks", "--weights", tiny_weights, "--format", "masks"]
        engine = ["--engine", "ray", "--address", cluster, "--log", tmp_path / "log.jsonl"]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            return kmn("segment", *arguments, *common, *engine, "-o", "out")

    return segment


def events(log: Path, name: str) -> list[str]:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return sorted(Path(line["input"]).name for line in lines if line["event"] == name)


def summary(out: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return document


def test_a_worker_that_is_killed_costs_nothing(
    run: Kmn, tmp_path: Path, ffmpeg: Callable[..., None]
) -> None:
    """Its video goes on in another process: all are finished, none twice."""
    picture = "testsrc=size=64x48:rate=25:duration=8"
    ffmpeg("-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", tmp_path / "my shelf/a.mp4")
    out, log = tmp_path / "out", tmp_path / "log.jsonl"
    killed: list[int] = []

    def kill() -> None:
        while not list((out / "a").glob(".state-*")):
            time.sleep(0.01)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        killed.extend(line["process"] for line in lines if line.get("input", "").endswith("a.mp4"))
        os.kill(killed[0], signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    result = run("my shelf", "--save-every", "0.000001", "--json")
    assert result.exit_code == 0, result.output
    assert killed
    document = json.loads(result.stdout)  # whatever Ray has to say
    assert document == summary(out)
    assert (document["videos"], document["done"], document["failed"]) == (3, 3, [])
    assert [entry["frames"] for entry in document["results"]] == [200, 10, 10]
    assert document["results"][0]["continued"]["frames_kept"] > 0
    assert events(log, "started") == ["a.mp4", "a.mp4", "b.mp4", "c.mp4"]
    assert events(log, "finished") == ["a.mp4", "b.mp4", "c.mp4"]
    again = run("my shelf", "--json")
    assert json.loads(again.stdout)["skipped"] == 3


def test_a_bad_video_costs_itself_only(run: Kmn, tmp_path: Path) -> None:
    (tmp_path / "my shelf/b.mp4").write_text("no video")
    result = run("my shelf")
    assert result.exit_code == 6, result.output
    assert "--engine=ray" in summary(tmp_path / "out")["rerun"]
    (failed,) = summary(tmp_path / "out")["failed"]
    assert failed["input"].endswith("b.mp4")
    assert failed["exit_code"] == 3
    assert run("my shelf/b.mp4").exit_code == 3
    alone = run("my shelf/c.mp4", "--overwrite")
    assert alone.exit_code == 0
    assert "c.mp4" in alone.stdout


def test_a_gpu_that_no_machine_has(run: Kmn, tmp_path: Path) -> None:
    result = run("my shelf", "--device", "cuda")
    assert result.exit_code == 5
    assert "no GPU" in result.stderr


def test_nobody_at_the_address(kmn: Kmn, movie: Path, draw: Draw, tiny_weights: Path) -> None:
    pytest.importorskip("ray", reason=ABSENT)
    common = ["--mask", draw("m.png", 1), "--weights", tiny_weights]
    result = kmn("segment", movie, *common, "--engine", "ray", "--address", "127.0.0.1:1")
    assert result.exit_code == 2
    assert "127.0.0.1:1" in result.stderr


def test_without_ray(
    kmn: Kmn, movie: Path, draw: Draw, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    common = ["--mask", draw("m.png", 1), "--weights", tiny_weights]
    result = kmn("segment", movie, *common, "--engine", "ray")
    assert result.exit_code == 2
    assert "pip install 'kmn[ray]'" in result.stderr


@pytest.mark.parametrize(
    "options", [["--address", "127.0.0.1:1"], ["--engine", "ray", "--workers", "2"]]
)
def test_options_that_do_not_go_together(kmn: Kmn, movie: Path, options: list[str]) -> None:
    assert kmn("segment", movie, *options).exit_code == 2
