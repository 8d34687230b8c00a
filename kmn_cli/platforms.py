"""What systems do differently: locks, a process's memory, where caches lie."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]
    import msvcrt

try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

CAN_REMOVE_OPEN_FILES = fcntl is not None
# malloc.h of glibc
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_KEPT = 2**31 - 1  # bytes at the top of the heap; mallopt takes an int
_LOCKED_BYTE = 1 << 30  # far behind what is written: on Windows a locked byte cannot be read


def lock(file: int) -> None:
    """Lock an open file for this process, until it is closed.

    Raises:
        OSError: another process has it (EACCES, EAGAIN), or the disk knows no locks.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    windows: Any = msvcrt
    os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
    try:
        windows.locking(file, windows.LK_NBLCK, 1)
    finally:
        os.lseek(file, 0, os.SEEK_SET)


def cache_folder() -> Path:
    """Where kmn keeps what it can make again: $XDG_CACHE_HOME/kmn, or ~/.cache/kmn."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kmn"


def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed, for the rest of the process.

    A network on a CPU frees and takes again gigabytes of activations. glibc maps large blocks
    anew each time, and the system clears every page of them.

    Returns:
        Whether it was done: false where the C library is another.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = ((_MMAP_MAX, 0), (_TOP_PAD, 2**28), (_TRIM_THRESHOLD, _KEPT))
    return all(mallopt(name, value) == 1 for name, value in settings)


def resident_peak() -> int:
    """Peak resident memory of this process, in bytes."""
    if resource is None:
        return _windows_peak()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of psapi.h."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("faults", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in ("peak", "now", "a", "b", "c", "d", "e", "f")),
    )


def _windows_peak() -> int:
    kernel: Any = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    counters = _Counters(size=ctypes.sizeof(_Counters))
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.size)
    return int(counters.peak)
