"""What a run tells whoever started it: events to a callback, words to `logging`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened in a run; its facts are fit for JSON.

    Of a video, named by `input`, the path as it was given:

    - started: `output`, the folder of its results.
    - busy: another process works on it, `holder`.
    - continued: `output`, `frames_kept` and a `note` of why so many.
    - frame: `video`, what it is called in the output, `done` of `total` frames (None where that
      cannot be told), `peak_memory_bytes`.
    - stages: `seconds` by part of the work, over `frames`.
    - finished, skipped: `output`, `frames`, `seconds`.
    - failed: `message`, `hint`, `exit_code`, `traceback`.

    Of a batch: summary, with the entries of summary.json but for its results.
    """

    name: str
    facts: Mapping[str, Any]


Tell = Callable[[Event], None]


def tell_nobody(event: Event) -> None:
    """Who wants to know nothing."""
