"""What one process at a time may do, on one machine or on several with a shared disk."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kmn_cli import platforms
from kmn_cli.files import naming_failures

SECONDS_BETWEEN_LOOKS = 0.5
_GONE = {errno.ENOENT, errno.EEXIST}
_HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}
_TRIES = 1000  # each takes microseconds


class FileLock:
    """A lock of the system on a small file that says who holds it.

    It ends with the process, however that ends, so that there is no stale lock to judge. Shared
    disks (NFS, Lustre, GPFS) pass such locks on between machines.

    Args:
        path: the file; made when taken, with the folders on the way, and removed when let go.
        warn: called where the disk knows no locks; it counts as taken then.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path, self._warn = path, warn
        self._file = -1

    def take(self) -> bool:
        """Take the lock; False while another process has it.

        Raises:
            KmnError: the file cannot be written.
        """
        while True:
            file = self._open()
            try:
                platforms.lock(file)
            except OSError as error:
                if error.errno in _HELD:
                    os.close(file)
                    return False
                folder = self._path.parent
                self._warn(f"{folder}: this disk knows no locks; run only one kmn on this folder")
            if self._is_at(file):
                break
            os.close(file)
        with suppress(OSError):  # only for people to read; the disk may be full
            os.ftruncate(file, 0)
            os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        self._file = file
        return True

    def wait(self, on_wait: Callable[[str], None] = lambda holder: None) -> None:
        """Take the lock as soon as it is free.

        Args:
            on_wait: told who has it, once, if anybody.

        Raises:
            KmnError: the file cannot be written.
        """
        told = False
        while not self.take():
            if not told:
                on_wait(self.holder())
                told = True
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def let_go(self) -> None:
        """Let others take it."""
        # Unlinked while it is locked: who opened it meanwhile will see that it is gone. Where open
        # files cannot be removed, nobody else has it open, or it stays.
        if not platforms.CAN_REMOVE_OPEN_FILES:
            os.close(self._file)
        with suppress(OSError):
            self._path.unlink()
        if platforms.CAN_REMOVE_OPEN_FILES:
            os.close(self._file)

    def holder(self) -> str:
        """The process that has it, for people."""
        with suppress(OSError):
            if text := self._path.read_text(encoding="utf-8", errors="replace").strip():
                return text
        return "another process"

    def _open(self) -> int:
        with naming_failures(self._path.parent):
            for tries_left in reversed(range(_TRIES)):
                try:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
                except OSError as error:
                    # Who lets an empty folder go removes it, maybe between the two lines above.
                    if error.errno not in _GONE or not tries_left:
                        raise
        raise AssertionError("the last try returns or raises")

    def _is_at(self, file: int) -> bool:
        """Whether an open file still has its name: its last holder may have removed it."""
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except OSError:
            return False
