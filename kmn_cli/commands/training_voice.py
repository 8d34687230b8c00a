"""What a training tells: live on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time
from typing import Self

from kmn_cli.commands.console import Console
from kmn_cli.commands.progress import clock
from kmn_cli.training.loop import News

SECONDS_BETWEEN_LINES = 5.0
FEWEST_STEPS = 100  # that change weights so that one sees it
KNOWN_AFTER = 10  # steps the pace is known


class TrainingVoice:
    """Tells steps, loss, speed, time left and scores.

    Args:
        console: to tell it to.
        samples: of a step, in all processes.

    Attributes:
        best: the highest score told.
    """

    def __init__(self, console: Console, samples: int) -> None:
        self.best: float | None = None
        self._console, self._samples = console, samples
        self._live = console.err.status("the first step ...")
        self._is_live = console.err.is_terminal and not console.quiet
        self._last = time.monotonic()
        self._told = 0  # steps when the budget was judged

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def tell(self, news: News) -> None:
        """Tells what is worth telling after a step."""
        line = (
            f"{news.share:4.0%}  step {news.step}: loss {news.loss:.4f}, "
            f"{news.speed:.2f} samples/s, {clock(news.seconds_left)} left"
        )
        if self._is_live:
            self._live.update(line)
        if news.scores:
            self.best = max(news.scores["J&F"], self.best or 0.0)
            scores = ", ".join(f"{name} {score:.3f}" for name, score in news.scores.items())
            self._console.note(f"{news.share:4.0%}  step {news.step}: {scores}")
        self._judge(news)
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES or news.share >= 1:
            self._last = now
            if not self._is_live:
                self._console.note(line)

    def _judge(self, news: News) -> None:
        """Warns once, as soon as the pace is known, where the budget cannot change much."""
        self._told += 1
        if self._told == KNOWN_AFTER and (steps := news.step / news.share) < FEWEST_STEPS:
            self._console.warn(
                f"only about {steps:.0f} steps of {self._samples} samples fit into this training, "
                "which changes little: give it more time, or make steps smaller "
                "(--set crop=…, --set batch=…)"
            )
