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

from kmn_cli.commands.event_log import EventLog
from kmn_cli.commands.progress import LineProgress, Progress, TerminalProgress
from kmn_cli.errors import ExitCode, KmnError

if TYPE_CHECKING:
    import torch

OPENCV_FIX = (
    "Install what OpenCV needs: apt install libgl1 libglib2.0-0; or take the build without: "
    "pip uninstall opencv-python && pip install opencv-python-headless"
)


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
            from kmn_cli.inference.measure import resident_peak

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


class _Bug(KmnError):
    exit_code = ExitCode.BUG


class _OutOfMemory(KmnError):
    exit_code = ExitCode.DEVICE


class _Interrupted(KmnError):
    exit_code = ExitCode.INTERRUPTED


def describe(exc: BaseException) -> KmnError:
    """Say any exception as a KmnError: what happened, what to do, which exit code."""
    if isinstance(exc, KmnError):
        return exc
    if isinstance(exc, KeyboardInterrupt):
        return _Interrupted("Interrupted.", "Whole files written so far stay.")
    if _is_out_of_memory(exc):
        return _OutOfMemory(
            f"Out of memory: {_first_line(exc)}",
            "Try a smaller --size, fewer --max-memory-frames, or --device cpu.",
        )
    if isinstance(exc, ImportError):
        is_opencv = exc.name == "cv2" or "libGL" in str(exc) or "libgthread" in str(exc)
        fix = OPENCV_FIX if is_opencv else "`kmn doctor` says what is missing and how to get it."
        return _Bug(f"Cannot import: {exc}", fix)
    if isinstance(exc, OSError):
        return KmnError(
            f"{exc.filename or 'file system'}: {exc.strerror or exc}",
            "Check that the path exists, may be written and has space left.",
        )
    return _Bug(
        f"{type(exc).__name__}: {_first_line(exc)}",
        "This is a bug in kmn; run again with --debug and report what it prints.",
    )


def _is_out_of_memory(exc: BaseException) -> bool:
    if isinstance(exc, MemoryError):
        return True
    # Without importing torch: an exception of torch's can only come when it is loaded.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(exc, torch.OutOfMemoryError):
        return True
    return isinstance(exc, RuntimeError) and "can't allocate memory" in str(exc)


def _first_line(exc: BaseException) -> str:
    return str(exc).strip().partition("\n")[0] or "no message"
