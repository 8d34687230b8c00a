"""One video's folder belongs to one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kmn_cli.errors import KmnError

NAME = ".claim"
SECONDS_BETWEEN_LOOKS = 0.5
TRIES = 1000  # each takes microseconds
_GONE = {errno.ENOENT, errno.EEXIST}
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}


class BusyError(Exception):
    """Another process works on the folder; the text says which."""


@contextmanager
def claim(
    folder: Path,
    *,
    wait: bool = False,
    on_wait: Callable[[str], None] = lambda holder: None,
    warn: Callable[[str], None] = lambda text: None,
) -> Iterator[None]:
    """Hold a folder for this process; made when missing.

    The claim is a lock of the system on a small file: it ends with the process, however that ends,
    so that there is no stale claim to judge. Shared disks (NFS, Lustre, GPFS) pass such locks on
    between machines.

    Args:
        folder: to hold.
        wait: until another process lets it go, instead of raising.
        on_wait: called once with the other process, before waiting.
        warn: called where the disk knows no locks.

    Raises:
        BusyError: another process holds it.
        KmnError: the folder cannot be written.
    """
    path, told = folder / NAME, False
    while (file := _try_lock(path, warn)) is None:
        holder = _holder(path)
        if not wait:
            raise BusyError(holder)
        if not told:
            on_wait(holder)
            told = True
        time.sleep(SECONDS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        # Unlinked while it is locked: who opened it meanwhile will see that it is gone.
        with suppress(OSError):
            path.unlink()
        os.close(file)
        with suppress(OSError):  # left empty by an error before the first frame
            folder.rmdir()


def _try_lock(path: Path, warn: Callable[[str], None]) -> int | None:
    """The open, locked file, or None while another process has it."""
    while True:
        file = _open(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                os.close(file)
                return None
            warn(f"{path.parent}: this disk knows no locks; run only one kmn on this folder")
        if _is_at(file, path):
            with suppress(OSError):  # only for people to read; the disk may be full
                os.ftruncate(file, 0)
                os.write(file, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
            return file
        os.close(file)


def _open(path: Path) -> int:
    for tries_left in reversed(range(TRIES)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            # Who lets an empty folder go removes it, maybe between the two lines above.
            if error.errno in _GONE and tries_left:
                continue
            raise KmnError(
                f"Cannot write to {path.parent}: {error.strerror or error}.",
                "Check the free space and the permissions, or choose another folder with -o.",
            ) from error
    raise AssertionError("the last try returns or raises")


def _is_at(file: int, path: Path) -> bool:
    """Whether an open file still has its name: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or "another process"
    except OSError:
        return "another process"
