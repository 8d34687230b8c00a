"""What a command says, and how it ends: two streams, one JSON document, one exit code."""

from __future__ import annotations

import io
import json
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console as RichConsole
from rich.console import RenderableType

from kmn_cli.batch.listener import Listener, Progress
from kmn_cli.commands.event_log import EventLog
from kmn_cli.commands.progress import LineProgress, TerminalProgress
from kmn_cli.commands.stage_table import stage_table
from kmn_cli.errors import KmnError, describe
from kmn_cli.platforms import resident_peak

if TYPE_CHECKING:
    import torch


class Console(Listener):
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

    def stages(self, seconds: Mapping[str, float], frames: int) -> None:
        """Show where the time of a video went, with -v."""
        if self.verbose:
            self.print(stage_table(seconds, frames))

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
            return TerminalProgress(self.err, label, total, unit, peak)
        return LineProgress(self._say, label, total, unit, peak)

    def choose_device(self, spec: str) -> torch.device:
        """Choose the device for --device and say why."""
        from kmn_cli.inference.device import choose_device

        device, reason = choose_device(spec)
        self.note(f"device: {device} ({reason})")
        return device

    def error(self, exc: BaseException) -> KmnError:
        """Say what went wrong and what to do about it, on stderr; returns it as a KmnError."""
        if self.debug:
            self._say("".join(traceback.format_exception(exc)))
        error = describe(exc)
        self._say(f"error: {error.message}", style="bold red")
        if error.hint:
            self._say(f"  {error.hint}")
        self.event("error", message=error.message, exit_code=int(error.exit_code))
        return error

    def __enter__(self) -> Console:
        if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may be no text at all
            sys.stdout.reconfigure(errors="backslashreplace")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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


def worker_console(*, quiet: bool, verbose: bool, debug: bool, log: Path | None) -> Console:
    """The voice of a worker's process: no bars, which would collide, and nothing on stdout."""
    console = Console(quiet=quiet, verbose=verbose, debug=debug)
    console.out = console.err = RichConsole(stderr=True, force_terminal=False)
    if log is not None:
        console.log_to(log)
    return console
