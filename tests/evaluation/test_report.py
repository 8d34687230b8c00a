from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from mask_clips import moving, save
from PIL import Image

from kmn_cli.evaluation.benchmark import Benchmark, load_benchmark
from kmn_cli.evaluation.frame_curves import write_per_frame_plot
from kmn_cli.evaluation.method import Method, score_method
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.report import write_report
from kmn_cli.evaluation.run_log import SequenceRun
from kmn_cli.evaluation.thumbnails import draw_frame, frames_of_difference, worst_frames
from kmn_cli.media.video import open_video

MakeDavis = Callable[..., Path]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Counts in the page itself what was drawn: a picture has pixels, a chart has marks with an extent.
PROBE = """<script>addEventListener("load", () => {
  const pictures = [...document.images];
  const drawn = svg => {
    const marks = [...svg.querySelectorAll("polyline, rect:not(.hover)")];
    return svg.getBoundingClientRect().width > 100 && marks.length > 0 && marks.some(mark => {
      const box = mark.getBBox(), style = getComputedStyle(mark);
      const ink = mark.tagName === "rect" ? style.fill : style.stroke;
      return box.width > 0 && ink !== "none" && ink !== "rgba(0, 0, 0, 0)";
    });
  };
  const charts = [...document.querySelectorAll("svg")];
  const wide = document.documentElement.scrollWidth > innerWidth;
  document.body.dataset.probe = [
    pictures.length, pictures.filter(p => p.complete && p.naturalWidth > 100).length,
    charts.length, charts.filter(drawn).length, wide].join(" ");
});</script>"""


@pytest.fixture
def benchmark(davis: MakeDavis, results: Path) -> Benchmark:
    """Two sequences with results that drift; one name that is HTML."""
    truth = {"walk": moving(12, (1, 2)), "a<b>&c": moving(12)}
    drifting = {
        name: [np.roll(labels, t // 2, axis=0) for t, labels in enumerate(clip)]
        for name, clip in truth.items()
    }
    return load_benchmark(davis(truth, drifting), Protocol.DAVIS2017)


@pytest.fixture
def method(benchmark: Benchmark, results: Path) -> Method:
    scored = score_method(benchmark, "kernel", results, workers=1)
    runs = {s.name: SequenceRun(12, len(s.object_ids), 1.5, 2**30) for s in scored.scores}
    return Method("kernel", results, scored.tasks, scored.scores, runs=runs)


@pytest.fixture
def other(benchmark: Benchmark, tmp_path: Path) -> Method:
    """Perfect results, to compare with."""
    shutil.copytree(benchmark.root / "Annotations" / "480p", tmp_path / "perfect")
    return score_method(benchmark, "plain", tmp_path / "perfect", workers=1)


def in_browser(path: Path, tmp_path: Path) -> list[str]:
    """What PROBE finds in a page, opened from disk in a real browser without a network."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no Chromium or Chrome installed")
    page = path.read_text(encoding="utf-8")
    probed = tmp_path / "probed.html"
    # The page allows no script; the test's own needs that line taken out.
    page, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert count == 1
    probed.write_text(page.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1200,900",
        "--dump-dom",
        probed.as_uri(),
    ]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.search(r'data-probe="([^"]*)"', dom)
    assert found, dom[-500:]
    return found.group(1).split()


@pytest.mark.browser
def test_one_method_in_a_real_browser(benchmark: Benchmark, method: Method, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", benchmark, [method])
    # Two frames of each sequence; a chart of bars and one of curves for each sequence.
    assert in_browser(tmp_path / "report.html", tmp_path) == ["4", "4", "3", "3", "false"]


@pytest.mark.browser
def test_two_methods_in_a_real_browser(
    benchmark: Benchmark, method: Method, other: Method, tmp_path: Path
) -> None:
    write_report(tmp_path / "report.html", benchmark, [method, other])
    # The worst and the most different frames, twice each; bars, and J and F of each sequence.
    assert in_browser(tmp_path / "report.html", tmp_path) == ["16", "16", "5", "5", "false"]


def test_the_report_needs_nothing_else(
    benchmark: Benchmark, method: Method, other: Method, tmp_path: Path
) -> None:
    write_report(tmp_path / "report.html", benchmark, [method, other])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    links = re.findall(r'(?:src|href)="([^"]{0,12})|url\(|@import|<script|<link|<iframe', page)
    assert links
    assert all(link.startswith(("data:image/", "#seq-")) for link in links)
    assert "a&lt;b&gt;&amp;c" in page and "a<b>" not in page


def test_the_report_says_scores_speed_and_warnings(
    benchmark: Benchmark, method: Method, tmp_path: Path
) -> None:
    write_report(tmp_path / "report.html", benchmark, [method])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"{method.summary.jf_mean:.3f}" in page
    assert "8.00" in page and "1.00 GiB" in page  # 24 frames in 3 seconds
    for section in ("Sequences", "Worst frames", "Frame by frame", "Speed and memory"):
        assert f"<h2>{section}</h2>" in page


def test_pictures_may_be_missing(davis: MakeDavis, results: Path, tmp_path: Path) -> None:
    root = davis({"walk": moving(5)}, {"walk": moving(5, shift=4)}, pictures=False)
    benchmark = load_benchmark(root, Protocol.DAVIS2017)
    write_report(
        tmp_path / "report.html", benchmark, [score_method(benchmark, "ours", results, workers=1)]
    )
    assert "data:image/jpeg;base64," in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_pictures_come_from_the_video_that_results_are_of(movie: Path, tmp_path: Path) -> None:
    """The truth is a folder of masks; the results are of `kmn segment`, which names the video."""
    for folder, shift in (("truth", 0), ("out/cat/masks", 4)):
        for t, labels in enumerate(moving(5, shift=shift)):
            save(tmp_path / folder / f"{t:05d}.png", labels)
    (tmp_path / "out" / "cat" / "result.json").write_text(json.dumps({"input": str(movie)}))
    benchmark = load_benchmark(tmp_path / "truth", Protocol.FOLDER)
    scored = score_method(benchmark, "cat", tmp_path / "out" / "cat", workers=1)
    uri = draw_frame(benchmark.videos[0], scored.tasks[0], "00002")
    drawn = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    with open_video(movie) as reader:
        frame = [frame.image for frame in reader][2]
    wanted = Image.fromarray(frame).resize(drawn.size)
    top = (0, 0, drawn.width, drawn.height // 5)  # no mask there
    difference = np.asarray(drawn.crop(top), float) - np.asarray(wanted.crop(top), float)
    assert np.abs(difference).mean() < 12
    write_report(tmp_path / "report.html", benchmark, [scored])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1 sequence, 1 object, 3 frames scored" in page
    assert "The first frame of a sequence, which is given, and the last are not scored" in page


def test_the_per_frame_plot_is_a_picture_with_every_sequence(
    method: Method, other: Method, tmp_path: Path
) -> None:
    write_per_frame_plot(tmp_path / "per_frame.svg", [method, other])
    tree = ElementTree.parse(tmp_path / "per_frame.svg")
    lines = tree.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 8  # two sequences, J and F, two methods


def test_worst_frames_are_the_worst_and_apart(method: Method) -> None:
    picks = worst_frames(method, count=3, each=2, apart=4)
    assert len(picks) == 3
    assert [pick.value for pick in picks] == sorted(pick.value for pick in picks)
    lowest = min(np.min((s.j_frames + s.f_frames) / 2) for s in method.scores)
    assert picks[0].value == pytest.approx(lowest)
    for name in {pick.sequence for pick in picks}:
        indices = [pick.index for pick in picks if pick.sequence == name]
        assert len(indices) == 1 or abs(indices[0] - indices[1]) >= 4


def test_methods_that_agree_have_no_frames_of_difference(method: Method, other: Method) -> None:
    assert frames_of_difference(method, method) == []
    assert frames_of_difference(method, other)
