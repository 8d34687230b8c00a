"""Work on other threads with bounded queues: errors reach the caller, threads are always joined."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Iterates over `source` on a thread of its own, at most `depth` items ahead.

    A context manager. An exception of the source is raised where the items are consumed;
    leaving early stops the thread after the item it is at.
    """

    def __init__(self, source: Iterable[T], depth: int) -> None:
        self.seconds = 0.0  # spent in the source
        self._source = source
        self._queue: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kmn-read", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        while self._thread.is_alive():  # it may wait for a place in the queue
            with suppress(queue.Empty):
                self._queue.get_nowait()
            self._thread.join(0.01)

    def __iter__(self) -> Iterator[T]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]

    def _run(self) -> None:
        last: BaseException | None = None
        try:
            items = iter(self._source)
            while not self._stop.is_set():
                start = time.perf_counter()
                try:
                    item = next(items)
                except StopIteration:
                    break
                finally:
                    self.seconds += time.perf_counter() - start
                self._queue.put((item,))
        except BaseException as error:
            last = error
        self._queue.put(last)


class Background(Generic[T]):
    """Calls `work` for every item put, in order, on a thread of its own.

    A context manager; leaving it waits until the items put so far are worked off, also when it
    is left by an exception. An exception of `work` is raised at the next `put` or on leaving,
    and no later item is worked on.
    """

    def __init__(self, work: Callable[[T], None], depth: int) -> None:
        self.seconds = 0.0  # spent in `work`
        self._work = work
        self._queue: queue.Queue[tuple[T] | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="kmn-write", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def put(self, item: T) -> None:
        """Queue an item; waits while `depth` items are waiting."""
        self._raise()
        self._queue.put((item,))

    def flush(self) -> None:
        """Wait until the items put so far are worked off."""
        self._queue.join()
        self._raise()

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if kind is None:
            self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:  # else only empties the queue, so that `put` never waits
                start = time.perf_counter()
                try:
                    self._work(item[0])
                except BaseException as error:
                    self._error = error
                self.seconds += time.perf_counter() - start
            self._queue.task_done()
