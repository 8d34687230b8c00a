"""--log: one JSON line an event, for machines."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from kmn_cli.errors import UsageError


class EventLog:
    """Appends events to a file; several processes may append to one.

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
