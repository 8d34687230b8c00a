"""`kmn edit` in a real browser: from the first box to the export."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Person, open_browser
from drawn_data import draw_disc, draw_frame
from PIL import Image
from typer.testing import Result

from kmn_cli.api import load_network, read_mask
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.web.edit_session import EditSession
from kmn_cli.web.server import PageServer
from kmn_cli.web.tracker import Tracker

pytestmark = pytest.mark.browser
FRAMES, SIZE = 40, (72, 96)


def disc(index: int) -> np.ndarray:
    return draw_disc(SIZE, (36, 24 + index), 16)


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A disc that moves to the right."""
    folder = tmp_path / "shot"
    folder.mkdir()
    for index in range(FRAMES):
        Image.fromarray(draw_frame(disc(index), index)).save(folder / f"{index:03d}.png")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as browser:
        yield browser


Visit = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, tmp_path: Path, tiny_weights: Path) -> Visit:
    """Opens the page of `kmn edit PATH` and closes it with the program."""

    @contextmanager
    def open_page(path: Path | None, **rest: Any) -> Iterator[Person]:
        tracker = Tracker(lambda precision: load_network(tiny_weights, "cpu", precision))
        session = EditSession(path, tmp_path / "out", tracker, **rest)
        page = browser.new_page(viewport={"width": 1024, "height": 560})
        with PageServer(session) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                person = Person(page, server)
                yield person
                assert person.errors == []
            finally:
                page.close()
                session.close()
                server.shutdown()
                thread.join()

    return open_page


def masks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("masks/*.png"))}


def test_the_whole_story(
    visit: Visit,
    shot: Path,
    tmp_path: Path,
    kmn: Callable[..., Result],
    tiny_weights: Path,
) -> None:
    out = tmp_path / "out/shot"
    command = ["segment", shot, "--mask", out / "edit/given", "--direction", "both"]
    command += ["--format", "masks", "--weights", tiny_weights, "--device", "cpu"]
    with visit(shot) as person:
        page = person.page
        assert page.is_disabled("#track")
        person.go_to(20)
        person.drag((27, 19), (61, 53))
        person.press("i")
        page.mouse.click(*person.at(44, 36))
        person.wait()
        page.mouse.click(*person.at(5, 5), button="right")
        person.wait()
        found = read_mask(out / "edit/given/020.png").labels == 1
        assert (found & disc(20)).sum() / (found | disc(20)).sum() > 0.9
        page.dblclick("[data-object='1']")
        page.keyboard.type("ball")
        page.keyboard.press("Enter")
        person.track()
        assert len(masks(out)) == FRAMES
        assert kmn(*command, "-o", tmp_path / "once").exit_code == 0
        assert masks(out) == masks(tmp_path / "once/shot")

        person.go_to(30)
        person.press("p")
        person.drag((10, 60), (40, 60))
        assert read_mask(out / "edit/given/030.png").labels[60, 25] == 1
        page.wait_for_selector("#track:has-text('Track again')")
        person.track()
        assert kmn(*command, "-o", tmp_path / "twice").exit_code == 0
        assert masks(out) == masks(tmp_path / "twice/shot") != masks(tmp_path / "once/shot")

        person.press("e")
        person.drag((10, 60), (40, 60))
        assert read_mask(out / "edit/given/030.png").labels[60, 25] == 0
        person.press("Control+z")
        assert read_mask(out / "edit/given/030.png").labels[60, 25] == 1

    with visit(out) as person:  # the results themselves can be opened
        page = person.page
        assert page.inner_text("[data-object='1'] span") == "ball"
        person.go_to(30)
        page.wait_for_selector("#flags:has-text('given mask')")
        page.click("#export")
        page.select_option("#format", "npz")
        page.click("#export-go")
        page.wait_for_selector("text=Written")
        page.keyboard.press("Escape")
        page.click("#finish")
        page.wait_for_selector("text=can be closed")
    assert len(np.load(out / "export/masks.npz")["labels"]) == FRAMES
    assert masks(out) == masks(tmp_path / "twice/shot")


def test_pausing_and_going_on(
    visit: Visit, shot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network waits in the middle until the pause is on its way: it comes in time."""
    real, gate, steps = VideoSegmenter.step, threading.Event(), iter(range(10**6))

    def step(self: VideoSegmenter, *arguments: Any, **rest: Any) -> Any:
        if next(steps) == FRAMES // 4:
            assert gate.wait(100)
        return real(self, *arguments, **rest)

    monkeypatch.setattr(VideoSegmenter, "step", step)
    with visit(shot) as person:
        page = person.page
        person.drag((7, 19), (41, 53))
        page.click("#track-more")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Escape")
        assert page.is_hidden("#track-menu")
        person.press("t")
        page.wait_for_selector("#progress[data-state='running']")
        with page.expect_request("**/stop"):
            page.click("#pause")
        gate.set()
        page.wait_for_selector("#progress[data-state='stopped'], #progress[data-state='done']")
        if page.get_attribute("#progress", "data-state") == "stopped":
            assert "kept" in page.inner_text("#progress-text")
            page.click("#pause")  # goes on
            page.wait_for_selector("#progress[data-state='done']")
        assert len(masks(tmp_path / "out/shot")) == FRAMES


def test_keeping_copying_forgetting_and_polygons(visit: Visit, shot: Path, tmp_path: Path) -> None:
    given = tmp_path / "out/shot/edit/given"
    with visit(shot) as person:
        page = person.page
        person.press("l")
        for corner in ((10, 10), (40, 10), (40, 40), (10, 40)):
            page.mouse.click(*person.at(*corner))
        person.press("Enter")
        labels = read_mask(given / "000.png").labels
        assert labels[25, 25] == 1 and labels[50, 50] == 0
        person.press("ArrowRight", "c")
        assert (read_mask(given / "001.png").labels == labels).all()
        person.press("n", "e", "p")
        person.drag((60, 60), (60, 60))
        assert read_mask(given / "001.png").ids == (1, 2)
        person.press("Delete")
        assert read_mask(given / "001.png").ids == (1,)
        person.press("x")
        assert not (given / "001.png").exists()
        person.press("Control+z")
        assert (given / "001.png").exists()


def test_save_and_track_are_in_view_and_all_has_a_name(visit: Visit, shot: Path) -> None:
    with visit(shot) as person:
        page = person.page
        for name in ("#track", "#export", "#finish", "#slider", "#strip"):
            box = page.locator(name).bounding_box()
            assert box["y"] + box["height"] <= 560 and box["x"] + box["width"] <= 1024, name
        nameless = """() => [...document.querySelectorAll("button, input, select, canvas")]
            .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.title ||
                             e.closest("label") || e.getAttribute("aria-hidden")))
            .map((e) => e.outerHTML)"""
        assert page.evaluate(nameless) == []
        page.locator("#canvas").focus()
        for _ in range(6):  # by keyboard alone: on to the objects
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") in ("BUTTON", "INPUT")
        person.page.keyboard.press("?")
        assert "Track both ways" in page.inner_text("#dialog")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_read_easily(visit: Visit, shot: Path, scheme: str) -> None:
    """Contrast of at least 4.5 to 1 between every text and what lies behind it (WCAG AA)."""
    weak = """() => {
      const paper = document.createElement("canvas").getContext("2d");
      const rgb = (colour) => {
        paper.clearRect(0, 0, 1, 1); paper.fillStyle = colour; paper.fillRect(0, 0, 1, 1);
        return [...paper.getImageData(0, 0, 1, 1).data];
      };
      const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const behind = (e) => {
        for (; e; e = e.parentElement) {
          const colour = rgb(getComputedStyle(e).backgroundColor);
          if (colour[3] > 220) return colour;
        }
        return [255, 255, 255];
      };
      return [...document.querySelectorAll("button, h2, span, p, b, label")]
        .filter((e) => e.offsetParent && e.textContent.trim() && !e.closest(":disabled"))
        .map((e) => {
          const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
          return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 80)];
        }).filter(([ratio]) => ratio < 4.5);
    }"""
    with visit(shot) as person:
        person.page.emulate_media(color_scheme=scheme)
        person.drag((7, 19), (41, 53))
        assert person.page.evaluate(weak) == []


def test_a_video_of_the_folder_is_chosen_without_typing(
    browser: Any, tmp_path: Path, shot: Path, tiny_weights: Path
) -> None:
    tracker = Tracker(lambda precision: load_network(tiny_weights, "cpu", precision))
    session = EditSession(None, tmp_path / "out", tracker, here=tmp_path)
    page = browser.new_page()
    with PageServer(session) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.goto(server.address)
        page.click("dialog >> text=shot")
        page.wait_for_selector("canvas[data-frame='0']")
        server.shutdown()
    page.close()
