"""How long a training takes, and at what pace it goes."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from kmn_cli.training.state import Progress


@dataclass(frozen=True)
class Budget:
    """How long to train, and how often to do what is not training.

    Attributes:
        iterations: optimiser steps, or None.
        minutes: of training, over all resumes, or None; exactly one of the two is given.
        save_minutes: between checkpoints.
        validate_minutes: between validations.
        log_steps: between records.
        sheet_steps: between sample sheets.
    """

    iterations: int | None = None
    minutes: float | None = None
    save_minutes: float = 10.0
    validate_minutes: float = 30.0
    log_steps: int = 20
    sheet_steps: int = 500

    def share(self, progress: Progress) -> float:
        """How much of the training is done, 0 to 1."""
        if self.iterations is not None:
            return min(1.0, progress.step / self.iterations)
        return min(1.0, progress.seconds / 60 / (self.minutes or 1))


class Pace:
    """Loss and speed of the last steps, of so many samples each."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._laps: deque[tuple[float, float]] = deque(maxlen=20)  # loss, seconds
        self.start()

    def start(self) -> None:
        """A step begins now: what lies between steps is not counted."""
        self._clock = time.monotonic()

    def lap(self, loss: float) -> float:
        """Seconds of the step that ends now."""
        seconds = time.monotonic() - self._clock
        self._laps.append((loss, seconds))
        return seconds

    @property
    def loss(self) -> float:
        """Its mean."""
        return sum(loss for loss, _ in self._laps) / len(self._laps)

    @property
    def speed(self) -> float:
        """Samples a second."""
        return self._samples * len(self._laps) / sum(seconds for _, seconds in self._laps)
