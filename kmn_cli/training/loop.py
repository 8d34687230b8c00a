"""The training loop."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from kmn_cli.data.clips import Batch, draw_batch
from kmn_cli.data.scene import Source
from kmn_cli.errors import KmnError
from kmn_cli.inference.background import Prefetch
from kmn_cli.inference.device import has_fast_bf16, to_device
from kmn_cli.model import KMN, save_checkpoint
from kmn_cli.training.ahead import on_device
from kmn_cli.training.distributed import Workers
from kmn_cli.training.interrupt import deferred_interrupt
from kmn_cli.training.log import RunLog
from kmn_cli.training.losses import cross_entropy, soft_iou_loss
from kmn_cli.training.optimizer import build_optimizer, set_rates
from kmn_cli.training.recipe import Recipe
from kmn_cli.training.sheets import write_sheet
from kmn_cli.training.state import Progress, save_state


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
    validate: Callable[[KMN], dict[str, float]] | None = None,
    report: Callable[[float, str], None] = lambda share, text: None,
) -> Progress:
    """Trains a network and leaves last.safetensors, best.safetensors and state.pt in `run`.

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
        report: told the share done and a line of news.

    Returns:
        How far the run came.

    Raises:
        KmnError: the loss is no longer finite; the last checkpoint is intact.
    """
    to_device(model, device).train()
    optimizer = build_optimizer(model, recipe)
    average = deepcopy(model).requires_grad_(False) if recipe.average else model
    progress = Progress()
    if state is not None:
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        progress = Progress(**state["progress"])
        if budget.share(progress) >= 1:
            return progress
    (run / "samples").mkdir(exist_ok=True)

    def save() -> None:
        if workers.is_first:
            state = {
                "model": model.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
                "progress": asdict(progress),
                "recipe": asdict(recipe),
                "network": model.config.to_dict(),
            }
            save_state(run / "state.pt", state)
            _save_weights(run / "last.safetensors", average, recipe, progress, {})

    def score() -> None:
        if validate is None:
            return
        if workers.is_first:
            scores = validate(average)
            log.write(progress.step, **scores)
            report(budget.share(progress), f"step {progress.step}: {_listed(scores)}")
            if progress.best is None or scores["J&F"] > progress.best:
                progress.best = scores["J&F"]
                _save_weights(run / "best.safetensors", average, recipe, progress, scores)
        workers.barrier()

    precision = recipe.precision
    if precision == "auto":
        precision = "bf16" if has_fast_bf16(device) else "fp32"
    parallel = DistributedDataParallel(model) if workers.count > 1 else model
    numbers = workers.numbers(recipe.batch)

    def draw(step: int) -> Batch:
        settings = recipe.clip_settings(budget.share(replace(progress, step=step)))
        return draw_batch(sources, settings, recipe.seed, step, numbers)

    log_folder = run if workers.is_first else None
    with (
        RunLog(log_folder, progress.step) as log,
        deferred_interrupt() as interrupted,
        Prefetch(on_device(map(draw, itertools.count(progress.step)), device), depth=1) as batches,
    ):
        coming = iter(batches)
        saved = validated = progress.seconds
        running: list[float] = []
        clock = time.monotonic()
        while budget.share(progress) < 1:
            batch = next(coming)
            set_rates(optimizer, recipe.rate_factor(progress.step, budget.share(progress)))
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                logits: Tensor = parallel(batch.frames, _first_masks(batch), batch.present)
            pixels = cross_entropy(logits, batch.labels[:, 1:])
            loss = pixels.mean()
            if recipe.iou_weight:
                ious = soft_iou_loss(logits, batch.labels[:, 1:], batch.present)
                loss = loss + recipe.iou_weight * ious.mean()
            optimizer.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(
                model.parameters(), recipe.clip_gradient or math.inf
            )
            value = float(workers.sum(loss.detach().clone())) / workers.count
            if not (math.isfinite(value) and math.isfinite(norm)):
                raise KmnError(
                    f"Loss {value}, gradient {norm:.3g} at step {progress.step + 1}.",
                    f"{run / 'last.safetensors'} is the last good checkpoint; start again from "
                    "it with --init and a lower learning_rate, or with precision=fp32.",
                )
            optimizer.step()
            progress.step += 1
            _follow(average, model, recipe.average, progress.step)
            now = time.monotonic()
            progress.seconds = workers.agree(progress.seconds + now - clock, device)
            clock = now
            running.append(value)
            if progress.step % budget.log_steps == 0:
                mean = sum(running) / len(running)
                speed = progress.step * recipe.batch * workers.count / progress.seconds
                rate = optimizer.param_groups[-1]["lr"]
                log.write(progress.step, loss=mean, seconds=progress.seconds, rate=rate)
                text = f"step {progress.step}: loss {mean:.4f}, {speed:.2f} samples/s"
                report(budget.share(progress), text)
                running.clear()
            if workers.is_first and progress.step % budget.sheet_steps == 1:
                sheet = run / "samples" / f"{progress.step:06d}.png"
                write_sheet(sheet, batch, logits.detach(), pixels.detach())
            if progress.seconds - validated >= 60 * budget.validate_minutes:
                score()
                validated = progress.seconds
                clock = time.monotonic()  # validation is no training time
            if progress.seconds - saved >= 60 * budget.save_minutes:
                save()
                saved = progress.seconds
            if workers.agree(interrupted(), device):
                save()
                raise KeyboardInterrupt
        save()
        score()
        save()  # what was the best so far
    return progress


def _first_masks(batch: Batch) -> Tensor:
    """The objects of the first frame, (B, K, H, W) float."""
    objects = torch.arange(1, batch.present.shape[1] + 1, device=batch.labels.device)
    return (batch.labels[:, :1] == objects.view(1, -1, 1, 1)).to(batch.frames.dtype)


def _follow(average: KMN, model: KMN, decay: float, step: int) -> None:
    """Moves the average towards the model; faster in the first steps, which are soon forgotten."""
    if average is model:
        return
    share = 1 - min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), share)


def _save_weights(
    path: Path, model: KMN, recipe: Recipe, progress: Progress, scores: dict[str, float]
) -> None:
    """Writes weights to be used: in half precision, which costs nothing; state.pt has all bits."""
    training = {"stage": recipe.stage, "steps": progress.step, "minutes": progress.seconds / 60}
    metadata = {"training": json.dumps(training), "scores": json.dumps(scores)}
    save_checkpoint(path, model, metadata, torch.float16)


def _listed(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
