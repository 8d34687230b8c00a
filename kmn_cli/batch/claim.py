"""One video's folder belongs to one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kmn_cli.locks import FileLock

NAME = ".claim"


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
    """Hold a folder for this process; made when missing, and removed when still empty.

    Args:
        folder: to hold.
        wait: until another process lets it go, instead of raising.
        on_wait: called once with the other process, before waiting.
        warn: called where the disk knows no locks.

    Raises:
        BusyError: another process holds it.
        KmnError: the folder cannot be written.
    """
    lock = FileLock(folder / NAME, warn)
    if wait:
        lock.wait(on_wait)
    elif not lock.take():
        raise BusyError(lock.holder())
    try:
        yield
    finally:
        lock.let_go()
        with suppress(OSError):  # left empty by an error before the first frame
            folder.rmdir()
