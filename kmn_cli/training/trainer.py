"""One optimiser step, and everything that it changes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from kmn_cli.data.clips import Batch
from kmn_cli.errors import KmnError
from kmn_cli.inference.captured import Function, captured_on_gpu
from kmn_cli.inference.device import has_fast_bf16, to_device
from kmn_cli.model import KMN
from kmn_cli.training.distributed import Workers
from kmn_cli.training.diverged import DivergedError
from kmn_cli.training.losses import cross_entropy, soft_iou_loss
from kmn_cli.training.optimizer import build_optimizer, set_rates
from kmn_cli.training.recipe import Recipe


class Outcome(NamedTuple):
    """What a step saw: its loss, and what a sample sheet shows of it."""

    loss: float
    logits: Tensor  # (B, 2, K + 1, H, W) of frames 2 and 3
    pixels: Tensor  # (B, 2, H, W), their cross-entropy


class Trainer:
    """A network in training.

    Args:
        model: the network, changed in place.
        recipe: every number of the training.
        device: to train on.
        workers: this process among several.

    Attributes:
        model: the network that is trained.
        average: the moving average of its weights, which is what is used.
    """

    def __init__(
        self, model: KMN, recipe: Recipe, device: torch.device, workers: Workers | None = None
    ) -> None:
        self.model = to_device(model, device).train()
        self.average = deepcopy(model).requires_grad_(False) if recipe.average else model
        self._recipe, self._device, self._workers = recipe, device, workers or Workers()
        self._optimizer = build_optimizer(model, recipe)
        self._parallel = DistributedDataParallel(model) if self._workers.count > 1 else model
        self._bf16 = recipe.precision == "bf16" or (
            recipe.precision == "auto" and has_fast_bf16(device)
        )
        self._learn: Function = self._gradients
        if self._workers.count == 1:  # what workers tell each other is not recorded
            self._learn = captured_on_gpu(self._gradients, device)

    def step(self, batch: Batch, number: int, share: float) -> Outcome:
        """Learns from a batch.

        Args:
            batch: the samples, on the device.
            number: of this step, from 1.
            share: of the training that is done, 0 to 1.

        Raises:
            DivergedError: the loss or the gradient is no longer finite; the weights are as before.
        """
        recipe = self._recipe
        loss, logits, pixels = self._learn(*batch)
        most = recipe.clip_gradient or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), most)
        value = float(self._workers.sum(loss.clone())) / self._workers.count
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise DivergedError(f"Loss {value}, gradient {norm:.3g} at step {number}.")
        set_rates(self._optimizer, recipe.rate_factor(share))
        self._optimizer.step()
        self._follow(number)
        return Outcome(value, logits, pixels)

    @property
    def rate(self) -> float:
        """The learning rate of the last step's new layers."""
        return float(self._optimizer.param_groups[-1]["lr"])

    def state(self) -> dict[str, Any]:
        """Everything that a new trainer of the same recipe needs to go on from here."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state` gave.

        Raises:
            KmnError: a trainer that trained other parameters gave it.
        """
        try:
            self._optimizer.load_state_dict(state["optimizer"])
        except ValueError as error:
            raise KmnError(
                "state.pt is of an earlier kmn, which trained batch norms, too.",
                "Start a new run with --init and this run's last.safetensors.",
            ) from error
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])

    def _gradients(
        self, frames: Tensor, labels: Tensor, present: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Leaves a batch's gradients in the parameters: its loss, and an outcome's two tensors."""
        batch = Batch(frames, labels, present)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            logits: Tensor = self._parallel(frames, first_masks(batch), present)
        pixels = cross_entropy(logits, labels[:, 1:])
        loss = pixels.mean()
        if self._recipe.iou_weight:
            ious = soft_iou_loss(logits, labels[:, 1:], present)
            loss = loss + self._recipe.iou_weight * ious.mean()
        self._optimizer.zero_grad(set_to_none=False)  # a recorded step knows where they lie
        loss.backward()
        return loss.detach(), logits.detach(), pixels.detach()

    def _follow(self, steps: int) -> None:
        """Moves the average, which reaches back over a share of the steps so far."""
        if self.average is self.model:
            return
        share = 1 / (1 + self._recipe.average * steps)
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.parameters()), list(self.model.parameters()), share
            )


def first_masks(batch: Batch) -> Tensor:
    """The objects of the first frame, (B, K, H, W) float."""
    objects = torch.arange(1, batch.present.shape[1] + 1, device=batch.labels.device)
    return (batch.labels[:, :1] == objects.view(1, -1, 1, 1)).to(batch.frames.dtype)
