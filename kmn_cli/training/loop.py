"""The training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from kmn_cli.data.clips import Batch, draw_batch
from kmn_cli.data.scene import Source
from kmn_cli.inference.background import Prefetch
from kmn_cli.interrupt import deferred_interrupt
from kmn_cli.model import KMN
from kmn_cli.training.ahead import drawn, on_device, threads_to_draw
from kmn_cli.training.budget import Budget, Pace
from kmn_cli.training.distributed import Workers
from kmn_cli.training.log import RunLog
from kmn_cli.training.recipe import Recipe
from kmn_cli.training.run_folder import RunFolder, Validate
from kmn_cli.training.sheets import write_sheet
from kmn_cli.training.state import Progress
from kmn_cli.training.trainer import Trainer


class News(NamedTuple):
    """What is told after every step."""

    share: float  # of the training that is done
    step: int
    loss: float  # mean of the last steps
    speed: float  # samples a second, lately
    seconds_left: float
    scores: Mapping[str, float]  # of a validation just now, or empty


def train(
    model: KMN,
    sources: Sequence[Source],
    recipe: Recipe,
    budget: Budget,
    run: Path,
    device: torch.device,
    *,
    workers: Workers = Workers(),  # noqa: B008 - frozen
    state: Mapping[str, Any] | None = None,
    validate: Validate | None = None,
    scored_on: str = "",
    report: Callable[[News], None] = lambda news: None,
) -> Progress:
    """Trains a network and leaves last.safetensors, best.safetensors and state.pt in `run`.

    With `iterations` on one CPU, a run that goes on from its `state` ends bit for bit where it
    would have ended undisturbed; a GPU adds in any order, and a clock is never the same.

    Args:
        model: the network to start from, changed in place.
        sources: where samples come from, on any device.
        recipe: every number of the training.
        budget: when to stop, save, validate and log.
        run: an existing folder.
        device: to train on.
        workers: this process among several.
        state: what an earlier run left in state.pt, to go on from there.
        validate: scores a network; "J&F" decides which is the best.
        scored_on: names what it scores on; a best of other data gives way to the first score.
        report: told the news after every step.

    Returns:
        How far the run came.

    Raises:
        DivergedError: loss or weights are no longer finite; the last checkpoint is intact.
    """
    progress = Progress(**state["progress"]) if state else Progress()
    if budget.share(progress) >= 1:
        return progress
    trainer = Trainer(model, recipe, device, workers)
    if state:
        trainer.restore(state)
    resumed = progress if state else None
    folder = RunFolder(run, recipe, budget, validate, scored_on, workers, resumed)
    numbers, threads = workers.numbers(recipe.batch), threads_to_draw(sources, device)

    def draw(step: int) -> Batch:
        settings = recipe.clip_settings(budget.share(replace(progress, step=step)))
        return draw_batch(sources, settings, recipe.seed, step, numbers)

    with (
        RunLog(run if workers.is_first else None, progress.step) as log,
        deferred_interrupt() as interrupted,
        Prefetch(on_device(drawn(draw, progress.step, threads), device), depth=1) as batches,
    ):
        pace = Pace(recipe.batch * workers.count)
        for batch in batches:
            outcome = trainer.step(batch, progress.step + 1, budget.share(progress))
            progress.step += 1
            progress.seconds += workers.agree(pace.lap(outcome.loss), device)
            if progress.step % budget.log_steps == 0:
                facts = {"loss": pace.loss, "seconds": progress.seconds, "rate": trainer.rate}
                log.write(progress.step, **facts, speed=pace.speed)
            if workers.is_first and progress.step % budget.sheet_steps == 1:
                write_sheet(run / "samples", progress.step, batch, outcome.logits, outcome.pixels)
            if scores := folder.after_step(trainer, progress):
                log.write(progress.step, **scores)
            share = budget.share(progress)
            left = progress.seconds * (1 - share) / share
            report(News(share, progress.step, pace.loss, pace.speed, left, scores))
            if workers.agree(interrupted(), device):
                folder.save(trainer, progress)
                raise KeyboardInterrupt
            if share >= 1:
                break
            pace.start()
    return progress
