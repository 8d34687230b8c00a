"""Tracking beside the page: one run of `segment_video` at a time, which may be stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kmn_cli.errors import UsageError, describe
from kmn_cli.web.project import Project
from kmn_cli.web.protocol import Order

if TYPE_CHECKING:
    from kmn_cli.api import LoadedNetwork

SAVE_EVERY = 5.0  # seconds: what a pause costs at most


class _Stopped(Exception):
    """The page asked for it."""


class Tracker:
    """Tracks a project's given masks through its video.

    Args:
        load: loads the network when it is first needed, in the precision that the results were
            made in, or in another that was asked for.
        size: short side that the network sees; None is that of the results, or the best.
    """

    def __init__(self, load: Callable[[str], LoadedNetwork], size: int | None = None) -> None:
        self._load, self._size = load, size
        self._network: LoadedNetwork | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._status: dict[str, Any] = {"state": "idle"}

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self._thread is not None and self._thread.is_alive()

    def status(self) -> dict[str, Any]:
        """For the page: state, done, total, seconds left, and what went wrong."""
        return {**self._status, "running": self.running}

    def start(self, project: Project, order: Order) -> None:
        """Begin a run.

        Raises:
            UsageError: there is one already, or nothing to track.
        """
        if self.running:
            raise UsageError("A run is going on.", "Wait for it, or stop it.")
        if not project.given_frames():
            raise UsageError("No object is marked yet.", "Mark one with a box, then track it.")
        self._stop.clear()
        self._status = {"state": "loading", "done": 0, "total": None, "preview": bool(order.size)}
        self._thread = threading.Thread(target=self._run, args=(project, order), name="kmn-track")
        self._thread.start()

    def stop(self) -> None:
        """End the run after the frame it is at; what it has done stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, project: Project, order: Order) -> None:
        try:
            done = self._segment(project, order)
            self._status |= {"state": "done", "warnings": list(done)}
        except _Stopped:
            self._status |= {"state": "stopped"}
        except Exception as error:
            said = describe(error)
            self._status |= {"state": "failed", "error": said.message, "hint": said.hint}

    def _segment(self, project: Project, order: Order) -> tuple[str, ...]:
        from kmn_cli.api import segment_video

        made = project.made
        self._network = self._network or self._load(made.precision)
        began, start = time.time(), time.monotonic()
        folder = project.preview if order.size else project.folder
        until = None
        if order.until is not None:
            until = folder / "masks" / f"{project.stem(order.until)}.png"
        self._status["state"] = "tracking"

        def count(done: int, total: int | None) -> None:
            seconds = time.monotonic() - start
            left = None if total is None else seconds / max(1, done) * (total - done)
            self._status |= {"done": done, "total": total, "left": left}
            if self._stop.is_set() or (until is not None and _made_since(until, began)):
                raise _Stopped

        size = order.size or self._size
        chosen = made.options
        if size is not None:  # which enlarges nothing
            chosen |= {"size": size, "enlarge": 1.0}
        options = self._network.options(**chosen)
        try:
            return segment_video(
                project.video,
                project.given,
                folder,
                formats=("masks",) if order.size else made.formats,
                network=self._network,
                options=options,
                start=made.start,
                end=made.end,
                reading=made.reading,
                direction=order.direction,
                save_every=SAVE_EVERY,
                # What was made from other masks altogether cannot be corrected.
                overwrite=bool(order.size) or project.found.nothing_left(),
                progress=count,
            ).warnings
        except UsageError as error:  # its hint is about options of `kmn segment`
            raise UsageError(
                error.message,
                "Leave out --size and --precision, which go on as they were, and give the same "
                "--weights; or begin anew with another -o.",
            ) from error


def _made_since(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime >= moment
    except OSError:
        return False
