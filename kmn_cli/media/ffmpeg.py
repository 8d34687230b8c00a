"""The ffmpeg that imageio-ffmpeg carries, as a child process that is always reaped."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from typing import IO

import imageio_ffmpeg

from kmn_cli.errors import KmnError


@cache
def ffmpeg_exe() -> str:
    """Return the path of ffmpeg.

    Raises:
        KmnError: when there is none.
    """
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise KmnError(
            "There is no ffmpeg.",
            "Reinstall imageio-ffmpeg, or name an ffmpeg in the variable IMAGEIO_FFMPEG_EXE.",
        ) from error


class Ffmpeg:
    """A running ffmpeg: `stdin` is a pipe, messages go to a temporary file.

    A context manager: leaving it kills what still runs, waits for it and closes the pipe.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        # A file cannot fill up and stall ffmpeg as a pipe does that nobody reads.
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed on leaving)
        try:
            self._process = subprocess.Popen(
                [
                    ffmpeg_exe(),
                    "-hide_banner",
                    "-loglevel",
                    "error",
                    "-nostats",
                    "-nostdin",
                    *arguments,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                # Ctrl-C is for Python, which ends ffmpeg itself and removes unfinished files.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # Windows
            )
        except OSError as error:
            self._log.close()
            raise KmnError(
                f"ffmpeg cannot be started: {error.strerror or error}.",
                "Reinstall imageio-ffmpeg, or name an ffmpeg in the variable IMAGEIO_FFMPEG_EXE.",
            ) from error
        assert self._process.stdin is not None
        self.stdin: IO[bytes] = self._process.stdin

    def __enter__(self) -> Ffmpeg:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()
        self._process.wait()
        for pipe in (self.stdin, self._log):
            with contextlib.suppress(OSError):  # unwritten data for a process that has died
                pipe.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def kill(self) -> None:
        """End the process now, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()

    def finish(self) -> int:
        """Close stdin, wait for the end and return the exit status; negative is a signal."""
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        return self._process.wait()

    def log(self) -> str:
        """Return what ffmpeg said (the first 64 KiB)."""
        self._log.seek(0)
        return self._log.read(2**16).decode("utf-8", "replace")

    def complaints(self) -> list[str]:
        """Return the lines of the log without the names of ffmpeg's parts."""
        lines = (re.sub(r"^(\[[^\]]*\] ?)+", "", line).strip() for line in self.log().splitlines())
        return [line for line in lines if line]
