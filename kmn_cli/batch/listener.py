"""What a run tells whoever started it: a console, a log, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self

from kmn_cli.errors import KmnError, describe


class Progress:
    """A context manager counting steps; this one says nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count steps done; `note` is shown beside the count, such as a loss."""


class Listener:
    """Is told what a run does; this one keeps it to itself.

    Attributes:
        verbose: wants details, and exact times of the network's parts.
    """

    verbose = False

    def note(self, text: str) -> None:
        """Something said in passing."""

    def detail(self, text: str) -> None:
        """Something that only who wants details wants to know."""

    def warn(self, text: str) -> None:
        """Something that the user should look at."""

    def event(self, name: str, **facts: object) -> None:
        """Something that happened, for machines."""

    def stages(self, seconds: Mapping[str, float], frames: int) -> None:
        """Where the time of a video went: seconds by stage, over so many frames."""

    def error(self, exc: BaseException) -> KmnError:
        """What went wrong, also as it is told to people."""
        return describe(exc)

    def progress(
        self,
        label: str,
        total: int | None = None,
        *,
        unit: str = "frames",
        peak: Callable[[], int] | None = None,
    ) -> Progress:
        """A display of steps that are about to be done.

        Args:
            label: what is being worked on.
            total: how many steps there will be, if known.
            unit: what a step is.
            peak: gives the peak memory in bytes; by default, this process's.
        """
        return Progress()
