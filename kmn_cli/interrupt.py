"""Ctrl-C that waits for the end of a step, so that what is saved is a whole step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)  # the second is how a worker process is interrupted


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Yields whether a KeyboardInterrupt is waiting; a second one interrupts at once."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set  # signals reach the main thread only
        return

    def remember(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    deferred = [s for s in _SIGNALS if signal.getsignal(s) is signal.default_int_handler]
    for number in deferred:
        signal.signal(number, remember)
    try:
        yield pressed.is_set
    finally:
        for number in deferred:
            signal.signal(number, signal.default_int_handler)
