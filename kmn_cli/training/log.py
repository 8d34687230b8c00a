"""What a run reports: log.jsonl always, TensorBoard where it is installed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Self, TextIO


class RunLog:
    """Appends records to a run's log; a resumed run drops what came after its checkpoint.

    Args:
        run: the run's folder; None logs nothing, for all processes but the first.
        from_step: where the run goes on.
    """

    def __init__(self, run: Path | None, from_step: int) -> None:
        self._file: TextIO | None = None
        self._board: Any = None
        if run is None:
            return
        path = run / "log.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if from_step and path.exists() else []
        kept = [line for line in lines if _step_of(line) <= from_step]
        path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=from_step)

    def write(self, step: int, **values: float) -> None:
        """Adds one record."""
        if self._file is not None:
            self._file.write(json.dumps({"step": step, **values}) + "\n")
            self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()


def _step_of(line: str) -> float:
    """The step of a record; infinity for a line that was cut off."""
    try:
        return float(json.loads(line)["step"])
    except ValueError:
        return math.inf
