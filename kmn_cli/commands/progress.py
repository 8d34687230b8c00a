"""Progress for people: a bar on a terminal, a plain line every ten seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

from rich import progress as bars
from rich.console import Console as RichConsole

from kmn_cli.batch.listener import Progress

SECONDS_BETWEEN_LINES = 10.0


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

    def advance(self, steps: int = 1, note: str = "") -> None:
        self._done += steps
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
        self._say(f"{self._label}: {', '.join([*parts, *filter(None, [note])])}")


class TerminalProgress(Progress):
    """A bar with count, rate, time left and peak memory."""

    def __init__(
        self,
        console: RichConsole,
        label: str,
        total: int | None,
        unit: str,
        peak: Callable[[], int],
    ) -> None:
        self._peak = peak
        self._bar = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[unit]} {task.fields[rate]}", markup=False),
            bars.TimeRemainingColumn(),
            bars.TextColumn("{task.fields[memory]} {task.fields[note]}", markup=False),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task(label, total=total, unit=unit, rate="", memory="", note="")
        self._done = 0
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def advance(self, steps: int = 1, note: str = "") -> None:
        self._done += steps
        rate = self._done / max(time.monotonic() - self._start, 1e-9)
        self._bar.update(
            self._task,
            advance=steps,
            rate=f"{rate:.1f}/s",
            memory=f"peak {self._peak() / 2**20:.0f} MiB",
            note=note,
        )


def clock(seconds: float) -> str:
    """Return a duration as 4:05 or 1:04:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
