"""Everything a run needs to go on exactly where it stopped, in one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kmn_cli.errors import WeightsError
from kmn_cli.files import atomic_path


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        step: optimiser steps done.
        seconds: spent training, over all resumes.
    """

    step: int = 0
    seconds: float = 0.0


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors and plain values, whole or not at all."""
    with atomic_path(path) as partial:
        torch.save(state, partial)


def load_state(path: Path) -> dict[str, Any]:
    """Reads what `save_state` wrote.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(
            f"{path}: nothing to resume.", "Start the run without --resume first."
        ) from error
    except Exception as error:  # damaged bytes make the unpickler fail in any way
        raise WeightsError(
            f"{path}: damaged, cannot be resumed ({error}).",
            "Start a new run with --init and this run's last.safetensors.",
        ) from error
    return state
