"""The page, driven in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import Person, open_browser
from drawn_data import draw_disc
from typer.testing import CliRunner

from kmn_cli.commands.app import app
from kmn_cli.media.labels import read_mask
from kmn_cli.web.server import PageServer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(params=[(1100, 800), (390, 800)], ids=["desk", "phone"])
def person(browser: Any, server: PageServer, request: pytest.FixtureRequest) -> Iterator[Person]:
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    person = Person(page, server)
    yield person
    page.close()
    assert person.errors == []


Found = Callable[[], np.ndarray]


@pytest.fixture
def found(tmp_path: Path) -> Found:
    return lambda: read_mask(tmp_path / "web.png").labels


def test_a_box_and_save_give_what_the_command_line_gives(
    person: Person, found: Found, tmp_path: Path, frames: Path
) -> None:
    person.drag((18.4, 33.4), (71.6, 86.6))
    box = person.page.inner_text("[data-object='1'] kbd")
    assert box == "18,33,54,54"
    command = person.save()
    assert command == f"kmn segment {frames} --mask {tmp_path / 'web.png'}"
    typed = tmp_path / "typed.png"
    run = CliRunner().invoke(
        app, ["init-mask", str(frames), "--box", box, "--edges", "colours", "-o", str(typed)]
    )
    assert run.exit_code == 0
    assert typed.read_bytes() == (tmp_path / "web.png").read_bytes()
    disc = draw_disc((160, 90), (60, 45), 25)
    assert ((found() == 1) & disc).sum() / ((found() == 1) | disc).sum() > 0.95


def test_brush_eraser_objects_and_undo(person: Person, found: Found) -> None:
    person.drag((18, 33), (72, 87))
    person.press("n", "p")
    person.drag((10, 120), (70, 120))
    person.press("e")
    person.drag((40, 112), (40, 128))
    person.save()
    labels = found()
    assert labels[120, 20] == 2 and labels[120, 40] == 0 and labels[120, 60] == 2
    assert labels[60, 45] == 1
    person.press("Control+z")
    person.save()
    assert found()[120, 40] == 2
    person.press("Control+z", "Control+z")  # the brush, and the second object itself
    person.save()
    assert set(np.unique(found())) == {0, 1}
    person.press("Control+y", "Control+y")
    person.save()
    assert found()[120, 40] == 2
    person.press("2", "Delete")
    person.save()
    assert set(np.unique(found())) == {0, 1}


def test_clicks_in_and_out(person: Person, found: Found) -> None:
    person.press("i")
    person.page.mouse.click(*person.at(45, 60))
    person.wait()
    person.page.mouse.click(*person.at(10, 140), button="right")
    person.wait()
    person.save()
    disc = draw_disc((160, 90), (60, 45), 25)
    assert ((found() == 1) & disc).sum() / ((found() == 1) | disc).sum() > 0.9


def test_another_frame(person: Person, found: Found, frames: Path, tmp_path: Path) -> None:
    person.press("ArrowRight", "ArrowRight")
    person.page.wait_for_selector("canvas[data-frame='2']")
    person.wait()
    person.drag((18, 73), (72, 127))
    assert person.save() == f"kmn segment {frames} --mask 00002={tmp_path / 'web.png'}"
    assert found()[100, 45] == 1 and found()[50, 45] == 0


def test_zoom_keeps_places(person: Person, found: Found) -> None:
    person.page.mouse.move(*person.at(45, 60))
    person.page.mouse.wheel(0, -200)
    person.press("p")
    person.drag((40, 60), (50, 60))
    person.save()
    assert found()[60, 45] == 1 and not found()[:30].any()


def test_nothing_drawn_cannot_be_saved(person: Person) -> None:
    assert person.page.is_disabled("#save")
    person.press("o")
    person.page.mouse.click(*person.at(45, 60))
    assert "First a box" in person.page.inner_text("#status")


def test_finish_ends_the_program(person: Person, server: PageServer) -> None:
    person.drag((18, 33), (72, 87))
    person.save()
    person.page.click("#end")
    assert server.session.ended.wait(30)
    person.page.wait_for_selector("text=can be closed")
