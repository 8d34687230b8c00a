"""What a run keeps: the weights, the best of them, and all that it takes to go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch

from kmn_cli.model import KMN, load_checkpoint, save_checkpoint
from kmn_cli.training.budget import Budget
from kmn_cli.training.distributed import Workers
from kmn_cli.training.diverged import DivergedError
from kmn_cli.training.recipe import Recipe
from kmn_cli.training.state import Progress, save_state
from kmn_cli.training.trainer import Trainer

Validate = Callable[[KMN], dict[str, float]]


class Best(NamedTuple):
    """How good the best network of a run is."""

    score: float  # J&F
    scored_on: str


class RunFolder:
    """The checkpoints of one run: last.safetensors, best.safetensors, state.pt.

    Args:
        path: an existing folder.
        recipe: of the run.
        budget: how often to save and to validate.
        validate: scores a network; None never does.
        scored_on: what it scores it on: a score on other data is no measure of the best.
        workers: this process among several; the first one writes.
        resumed: how far the run has come that lies there and goes on, or None.
    """

    def __init__(
        self,
        path: Path,
        recipe: Recipe,
        budget: Budget,
        validate: Validate | None,
        scored_on: str,
        workers: Workers,
        resumed: Progress | None,
    ) -> None:
        self._path, self._recipe, self._budget = path, recipe, budget
        self._validate, self._scored_on, self._workers = validate, scored_on, workers
        # The file itself says how good it is: a run that is killed at any moment never takes a
        # worse one for better.
        best = read_best(path) if resumed else None
        self.best = best.score if best and best.scored_on == scored_on else None
        self._saved = self._validated = resumed.seconds if resumed else 0.0

    def after_step(self, trainer: Trainer, progress: Progress) -> dict[str, float]:
        """Saves and validates where it is time to, and at the end.

        Returns:
            The scores, if it has validated.

        Raises:
            DivergedError: the weights are no longer finite; the files are as before.
        """
        ends = self._budget.share(progress) >= 1
        if ends or progress.seconds - self._saved >= 60 * self._budget.save_minutes:
            self.save(trainer, progress)
        if not ends and progress.seconds - self._validated < 60 * self._budget.validate_minutes:
            return {}
        self._validated = progress.seconds
        scores: dict[str, float] = {}
        if self._validate is not None and self._workers.is_first:
            scores = self._validate(trainer.average)
            if self.best is None or scores["J&F"] > self.best:
                self._write("best", trainer.average, progress, scores)
                self.best = scores["J&F"]
        self._workers.barrier()
        return scores

    def save(self, trainer: Trainer, progress: Progress) -> None:
        """Keeps what it takes to go on, and the weights to be used.

        Raises:
            DivergedError: the weights are no longer finite; the files are as before.
        """
        self._saved = progress.seconds
        if not self._workers.is_first:
            return
        about = {
            "progress": asdict(progress),
            "recipe": asdict(self._recipe),
            "network": trainer.model.config.to_dict(),
        }
        self._write("last", trainer.average, progress, {})
        save_state(self._path / "state.pt", trainer.state() | about)

    def _write(
        self, name: str, model: KMN, progress: Progress, scores: Mapping[str, float]
    ) -> None:
        """Writes weights in half precision, which costs nothing; state.pt has all bits."""
        # The loss tells of a step's weights only in the next step, and the last one has none.
        most = torch.stack([weight.detach().abs().max() for weight in model.parameters()])
        if not (most <= torch.finfo(torch.float16).max).all():
            raise DivergedError(f"The weights are no longer finite at step {progress.step}.")
        training: dict[str, Any] = {
            "stage": self._recipe.stage,
            "steps": progress.step,
            "minutes": progress.seconds / 60,
        }
        metadata = {"training": json.dumps(training), "scores": json.dumps(dict(scores))}
        if scores:
            metadata["scored_on"] = self._scored_on
        save_checkpoint(self._path / f"{name}.safetensors", model, metadata, torch.float16)


def read_best(run: Path) -> Best | None:
    """What a run's best.safetensors says of itself; None where there is none."""
    path = run / "best.safetensors"
    if not path.exists():
        return None
    metadata = load_checkpoint(path).metadata
    scores = json.loads(metadata.get("scores", "{}"))
    return Best(float(scores["J&F"]), metadata.get("scored_on", "")) if "J&F" in scores else None
