"""Progress for people: a bar on a terminal, a plain line every ten seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """A context manager counting steps; this one says nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def advance(self) -> None:
        """Count a step that is done."""


class LineProgress(Progress):
    """A plain line every ten seconds, for logs."""

    def __init__(
        self,
        say: Callable[[str], None],
        label: str,
        total: int | None,
        unit: str,
        peak: Callable[[], int],
    ) -> None:
        self._say, self._label, self._total, self._unit, self._peak = say, label, total, unit, peak
        self._done = 0
        self._start = self._last = time.monotonic()

    def advance(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        rate = self._done / (now - self._start)
        parts = [f"{self._done}{f'/{self._total}' if self._total else ''} {self._unit}"]
        parts.append(f"{rate:.2f}/s")
        if self._total:
            parts.append(f"{clock(max(0, self._total - self._done) / rate)} left")
        parts.append(f"peak {self._peak() / 2**20:.0f} MiB")
        self._say(f"{self._label}: {', '.join(parts)}")


class TerminalProgress(Progress):
    """A bar with count, rate, time left and peak memory, among the others that `bars` holds."""

    def __init__(
        self,
        bars: Bars,
        label: str,
        total: int | None,
        unit: str,
        peak: Callable[[], int],
    ) -> None:
        self._bars, self._peak = bars, peak
        self._task = bars.add_task(label, total=total, unit=unit, rate="", memory="")
        self._done = 0
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if len(self._bars.tasks) == 1:
            self._bars.stop()
        self._bars.remove_task(self._task)

    def advance(self) -> None:
        self._done += 1
        rate = self._done / max(time.monotonic() - self._start, 1e-9)
        self._bars.update(
            self._task,
            advance=1,
            rate=f"{rate:.1f}/s",
            memory=f"peak {self._peak() / 2**20:.0f} MiB",
        )


def open_bars(console: RichConsole) -> Bars:
    """A place for bars on a terminal; those that are done disappear."""
    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]} {task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
        TextColumn("{task.fields[memory]}", markup=False),
        console=console,
        transient=True,
    )


def clock(seconds: float) -> str:
    """Return a duration as 4:05 or 1:04:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
