"""What a command says, and how it ends: two streams, one JSON document, one exit code."""

from __future__ import annotations

import io
import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console as RichConsole
from rich.console import RenderableType

from kmn_cli.batch.events import Event, Tell
from kmn_cli.commands.logs import EventLog, LogHandler
from kmn_cli.commands.progress import LineProgress, Progress, TerminalProgress, open_bars
from kmn_cli.commands.tables import stage_table
from kmn_cli.errors import KmnError, describe
from kmn_cli.platforms import resident_peak

if TYPE_CHECKING:
    import torch


class Console:
    """One command's voice; as a context manager it turns every exception into an exit code.

    Args:
        quiet: only warnings and errors are printed.
        verbose: `detail` is printed too.
        as_json: stdout carries exactly one JSON document (see `result`), stderr the rest.
        debug: an error is printed with its traceback.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        as_json: bool = False,
        debug: bool = False,
    ) -> None:
        self.quiet, self.verbose, self.as_json, self.debug = quiet, verbose, as_json, debug
        self.err = RichConsole(stderr=True)
        self.out = self.err if as_json else RichConsole()
        self._document: dict[str, Any] = {}
        self._log: EventLog | None = None
        self._bars = open_bars(self.err)
        self._videos: dict[str, Progress] = {}  # those that are being segmented
        self._peaks: dict[str, int] = {}  # bytes, of each so far
        self._logged = LogHandler(self.warn, self.note, self.detail)

    def print(self, content: RenderableType) -> None:
        """Print what the user asked for: to stdout, or to stderr with --json."""
        if not self.quiet:
            self.out.print(
                content, markup=False, highlight=False, soft_wrap=isinstance(content, str)
            )

    def note(self, text: str) -> None:
        """Say something in passing, on stderr."""
        if not self.quiet:
            self._say(text)

    def detail(self, text: str) -> None:
        """Say something only -v wants to know, on stderr."""
        if self.verbose:
            self._say(text)

    def warn(self, text: str) -> None:
        """Say what the user should look at, on stderr, also with -q."""
        self._say(f"warning: {text}", style="yellow")
        self.event("warning", message=text)

    def log_to(self, path: Path) -> None:
        """Tell events to a file from now on, one JSON line each.

        Raises:
            UsageError: it cannot be written.
        """
        self._log = EventLog(path)

    def event(self, name: str, **facts: object) -> None:
        """Tell the log that something happened."""
        if self._log is not None:
            self._log.write(name, **facts)

    def on_event(self, event: Event) -> None:
        """Show what happens in a run, and tell the log."""
        facts = event.facts
        if event.name == "frame":
            self._count(facts)
            return
        if event.name == "stages" and self.verbose:
            self.print(stage_table(facts["seconds"], facts["frames"]))
        elif event.name in {"finished", "skipped", "failed"}:
            self._end_video(facts["input"])
        if event.name == "failed":
            self.note(f"{facts['input']} failed:")
            self._say_error(facts["message"], facts["hint"], facts["traceback"])
            self.event("error", message=facts["message"], exit_code=facts["exit_code"])
        self.event(event.name, **{k: v for k, v in facts.items() if k != "traceback"})

    def _count(self, facts: Mapping[str, Any]) -> None:
        video = facts["input"]
        self._peaks[video] = facts["peak_memory_bytes"]
        if video not in self._videos:
            peak = partial(self._peaks.__getitem__, video)
            self._videos[video] = self.progress(facts["video"], facts["total"], peak=peak)
            self._videos[video].__enter__()
        self._videos[video].advance()

    def _end_video(self, video: str) -> None:
        if video in self._videos:
            self._videos.pop(video).__exit__()

    def result(self, document: Mapping[str, Any]) -> None:
        """Set the document that --json prints when the command ends."""
        self._document = dict(document)

    def progress(
        self,
        label: str,
        total: int | None = None,
        *,
        unit: str = "frames",
        peak: Callable[[], int] | None = None,
    ) -> Progress:
        """Open a progress display: a bar on a terminal, a line every ten seconds elsewhere.

        Args:
            label: what is being worked on.
            total: how many steps there will be, if known.
            unit: what a step is.
            peak: gives the peak memory in bytes; by default, this process's.
        """
        if self.quiet:
            return Progress()
        if peak is None:
            peak = resident_peak
        if self.err.is_terminal:
            return TerminalProgress(self._bars, label, total, unit, peak)
        return LineProgress(self._say, label, total, unit, peak)

    def choose_device(self, spec: str) -> torch.device:
        """Choose the device for --device and say why."""
        from kmn_cli.inference.device import choose_device

        device, reason = choose_device(spec)
        self.note(f"device: {device} ({reason})")
        return device

    def error(self, exc: BaseException) -> KmnError:
        """Say what went wrong and what to do about it, on stderr; returns it as a KmnError."""
        error = describe(exc)
        self._say_error(error.message, error.hint, "".join(traceback.format_exception(exc)))
        self.event("error", message=error.message, exit_code=int(error.exit_code))
        return error

    def _say_error(self, message: str, hint: str, trace: str) -> None:
        if self.debug:
            self._say(trace)
        self._say(f"error: {message}", style="bold red")
        if hint:
            self._say(f"  {hint}")

    def __enter__(self) -> Console:
        if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may be no text at all
            sys.stdout.reconfigure(errors="backslashreplace")
        self._logged.listen(logging.DEBUG if self.verbose else logging.INFO)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._logged.end()
        for video in list(self._videos):
            self._end_video(video)
        if exc is None or isinstance(exc, typer.Exit):
            self._print_document()
            return
        if isinstance(exc, (typer.Abort, typer.BadParameter, SystemExit)):
            return
        error = self.error(exc)
        self._document["error"] = {
            "message": error.message,
            "hint": error.hint,
            "exit_code": int(error.exit_code),
        }
        self._print_document()
        raise typer.Exit(int(error.exit_code)) from exc

    def _say(self, text: str, style: str | None = None) -> None:
        self.err.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def _print_document(self) -> None:
        if self.as_json:
            typer.echo(json.dumps(self._document, indent=2))


@dataclass(frozen=True)
class RemoteConsole:
    """Opens the voice of a worker on another machine: no bars, and nothing on stdout."""

    quiet: bool
    verbose: bool
    debug: bool
    log: Path | None

    def __call__(self) -> Tell:
        """Say from now on what is logged, and return who is told of events."""
        console = Console(quiet=self.quiet, verbose=self.verbose, debug=self.debug)
        console.out = console.err = RichConsole(stderr=True, force_terminal=False)
        if self.log is not None:
            console.log_to(self.log)
        return console.__enter__().on_event
