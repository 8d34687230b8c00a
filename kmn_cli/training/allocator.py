"""Memory that glibc keeps instead of giving it back to the system after every step."""

from __future__ import annotations

import ctypes
import platform

# malloc.h of glibc
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
KEPT = 2**31 - 1  # bytes at the top of the heap; mallopt takes an int


def keep_freed_memory() -> bool:
    """Tells glibc to keep what is freed, for the rest of the process.

    A training step on a CPU frees and takes again gigabytes of activations. glibc maps large
    blocks anew each time, and the system clears every page of them: a third of a step's time.

    Returns:
        Whether it was done: false where the C library is another.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = ((M_MMAP_MAX, 0), (M_TOP_PAD, 2**28), (M_TRIM_THRESHOLD, KEPT))
    return all(mallopt(name, value) == 1 for name, value in settings)
