"""What is logged: for people by `logging`, for machines by --log."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from kmn_cli.errors import UsageError


class EventLog:
    """Appends events to a file, one JSON line each; several processes may append to one.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._append(b"")
        except OSError as error:
            raise UsageError(
                f"--log {path}: cannot be written ({error.strerror or error}).",
                "Name a file in a folder that may be written.",
            ) from error

    def write(self, event: str, **facts: object) -> None:
        """Append one event; a full disk costs the line, not the run."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, "process": os.getpid(), **facts})
        with suppress(OSError):
            self._append(f"{line}\n".encode())

    def _append(self, data: bytes) -> None:
        with self._path.open("ab", buffering=0) as file:  # one write, so that lines never mix
            file.write(data)


class LogHandler(logging.Handler):
    """Says what the package logs."""

    def __init__(
        self,
        warn: Callable[[str], None],
        note: Callable[[str], None],
        detail: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._warn, self._note, self._detail = warn, note, detail
        self._logger = logging.getLogger("kmn_cli")
        self._before = (self._logger.level, self._logger.propagate)

    def listen(self, level: int) -> None:
        """Say from now on what is logged; nobody else does."""
        self._logger.setLevel(level)
        self._logger.propagate = False
        self._logger.addHandler(self)

    def end(self) -> None:
        """Leave the log as it was."""
        self._logger.removeHandler(self)
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Say one record."""
        if record.levelno >= logging.WARNING:
            self._warn(record.getMessage())
        elif record.levelno >= logging.INFO:
            self._note(record.getMessage())
        else:
            self._detail(record.getMessage())
