"""Sample sheets: what the network was shown, what it answered, and where it was wrong (Fig. 7)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from kmn_cli.data.clips import Batch
from kmn_cli.media.overlay import draw_overlay

LOSS_CEILING = 2.0  # cross-entropy shown as the brightest colour


def write_sheet(
    folder: Path, step: int, batch: Batch, logits: Tensor, losses: Tensor, rows: int = 4
) -> None:
    """Draws samples, one a row: three frames with ground truth, two answers, two loss maps.

    Args:
        folder: where the PNG is written, under the number of the step.
        step: number of the step.
        batch: the samples.
        logits: (B, 2, K + 1, H, W) of frames 2 and 3.
        losses: (B, 2, H, W), per-pixel cross-entropy.
        rows: most samples drawn.
    """
    sheet = []
    answers = logits.argmax(2)
    for sample in range(min(rows, len(batch.frames))):
        images = [_image(frame) for frame in batch.frames[sample]]
        truth = [_overlay(i, true) for i, true in zip(images, batch.labels[sample], strict=True)]
        answer = [_overlay(i, a) for i, a in zip(images[1:], answers[sample], strict=True)]
        heat = [_heat(loss) for loss in losses[sample]]
        sheet.append(np.hstack([*truth, *answer, *heat]))
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.vstack(sheet)).save(folder / f"{step:06d}.png")


def _image(frame: Tensor) -> np.ndarray:
    return (frame.permute(1, 2, 0).float().cpu().numpy() * 255).astype(np.uint8)


def _overlay(image: np.ndarray, labels: Tensor) -> np.ndarray:
    return draw_overlay(image, labels.cpu().numpy().astype(np.uint8))


def _heat(loss: Tensor) -> np.ndarray:
    grey = (loss.float().clamp(0, LOSS_CEILING) / LOSS_CEILING * 255).cpu().numpy()
    return cv2.applyColorMap(grey.astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
