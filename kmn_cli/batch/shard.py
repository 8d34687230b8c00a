"""Which part of a batch this process does: --shard K/N, or Slurm's array variables."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kmn_cli.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """The part `index` (0-based) of `count`."""

    index: int
    count: int

    def of(self, items: Sequence[T]) -> list[T]:
        """Every count-th item: neighbours, which are often alike, go to different shards."""
        return list(items[self.index :: self.count])


def parse_shard(text: str) -> Shard:
    """Read K/N. K may count from 1 to N or from 0 to N - 1: N and 0 are the same part.

    Raises:
        UsageError: for anything else.
    """
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
    if match and (count := int(match[2])) and int(match[1]) <= count:
        return Shard((int(match[1]) - 1) % count, count)
    raise UsageError(f"--shard {text}: is not K/N.", "Write 1/4, 2/4, 3/4 and 4/4 for four parts.")


def slurm_shard(environment: Mapping[str, str] = os.environ) -> Shard | None:
    """The shard of this task of a Slurm job array, or None outside of one.

    Raises:
        UsageError: the array has gaps (--array=3,7): a task's number does not tell its part.
    """
    try:
        task = int(environment["SLURM_ARRAY_TASK_ID"])
        count = int(environment["SLURM_ARRAY_TASK_COUNT"])
        first = int(environment.get("SLURM_ARRAY_TASK_MIN") or 0)
        step = int(environment.get("SLURM_ARRAY_TASK_STEP") or 1)
        last = int(environment.get("SLURM_ARRAY_TASK_MAX") or first + (count - 1) * step)
    except (KeyError, ValueError):
        return None
    if count < 1 or step < 1:
        return None
    if last != first + (count - 1) * step:
        raise UsageError(
            f"The Slurm array has {count} tasks between {first} and {last}: with gaps it cannot be "
            "told which part of the videos each of them does.",
            "For the tasks 3 and 7 of what was --array=1-8, give "
            "--shard $SLURM_ARRAY_TASK_ID/8; or submit the whole array again: what is done is "
            "skipped.",
        )
    return Shard((task - first) // step % count, count)
