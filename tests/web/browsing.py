"""A person in front of a page, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kmn_cli.web.server import PageServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# As root, without a graphics card, with the small /dev/shm of a container.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
]


@contextmanager
def open_browser() -> Iterator[Any]:
    """A browser; the test is skipped where there is none that starts."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser here ({', '.join(BROWSERS)})")
    with playwright.sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=path, args=QUIET)
        except playwright.Error as error:
            pytest.skip(f"{path} does not start: {error}")
        yield browser
        browser.close()


class Person:
    """Somebody in front of the page, who thinks in pixels of the frame."""

    def __init__(self, page: Any, server: PageServer) -> None:
        self.page, self.errors = page, []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        page.set_default_timeout(120_000)
        page.goto(server.address)
        page.wait_for_selector("canvas[data-frame]")
        self.wait()

    def wait(self) -> None:
        """Until the page is not busy."""
        self.page.wait_for_selector("body:not([data-busy])")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a pixel of the frame is on the page."""
        scale, left, top, width = map(
            float, self.page.get_attribute("#canvas", "data-view").split()
        )
        area = self.page.locator("#canvas").bounding_box()
        k = area["width"] / width
        return area["x"] + (x * scale + left) * k, area["y"] + (y * scale + top) * k

    def drag(self, *points: tuple[float, float]) -> None:
        """From pixel to pixel, with the button held."""
        mouse = self.page.mouse
        mouse.move(*self.at(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.at(*point), steps=4)
        mouse.up()
        self.wait()

    def press(self, *keys: str) -> None:
        """One key after the other."""
        for key in keys:
            self.page.keyboard.press(key)
            self.wait()

    def go_to(self, frame: int) -> None:
        """By the field for its number."""
        self.page.fill("#frame", str(frame))
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(f"canvas[data-frame='{frame}']")
        self.wait()
        self.page.locator("#canvas").focus()

    def save(self) -> str:
        """Save the mask of one frame, and return the command that is shown."""
        self.press("Control+s")
        self.page.wait_for_selector("#done", state="visible")
        return str(self.page.inner_text("#command"))

    def track(self) -> None:
        """Until all is tracked."""
        self.press("t")
        self.page.wait_for_selector("#progress[data-state='done']")
        self.wait()
