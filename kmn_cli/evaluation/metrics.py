"""Region similarity J and boundary accuracy F, to the printed digit of the official DAVIS tools.

The boundary work of a frame is confined to the box around both masks: outside it there is no
boundary, so nothing is lost. A mask is a boolean (H, W) array here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

BOUNDARY_SHARE = 0.008
"""The tolerance of F as a share of the image diagonal."""


@dataclass(frozen=True)
class Statistics:
    """Mean, recall (share above 0.5) and decay (first quarter less last) of per-frame values."""

    mean: float
    recall: float
    decay: float


def region_similarity(pred: Bool, truth: Bool) -> float:
    """J: intersection over union of two (H, W) boolean masks; 1 where both are empty."""
    union = np.count_nonzero(pred | truth)
    return np.count_nonzero(pred & truth) / union if union else 1.0


def boundary_f(pred: Bool, truth: Bool) -> tuple[float, float, float]:
    """(F, precision, recall) of the boundary of `pred` against that of `truth`, both (H, W) bool.

    A boundary pixel is matched when the other boundary passes within `boundary_radius` pixels.
    """
    box = _box(pred | truth)
    return _boundary_f(pred[box], truth[box], boundary_radius(*pred.shape))


def frame_scores(
    pred: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8], object_ids: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """J and F, each (K,), of every object of one frame; `pred` and `truth` are (H, W) uint8 ids."""
    radius = boundary_radius(*truth.shape)
    outer = _box(pred | truth)
    pred, truth = pred[outer], truth[outer]
    j, f = np.empty(len(object_ids)), np.empty(len(object_ids))
    for k, object_id in enumerate(object_ids):
        p, t = pred == object_id, truth == object_id
        if len(object_ids) > 1:
            inner = _box(p | t)
            p, t = p[inner], t[inner]
        j[k] = region_similarity(p, t)
        f[k] = _boundary_f(p, t, radius)[0]
    return j, f


def statistics(values: Floats) -> Statistics:
    """Mean, recall and decay of the (T,) per-frame values of one object; NaN is a frame unscored.

    The official tool keeps the edges of its four bins in eight bits, so its decay is wrong from
    257 scored frames on; here it is right at every length.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return Statistics(math.nan, math.nan, math.nan)
    edges = np.round(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    first, last = values[edges[0] : edges[1] + 1], values[edges[3] : edges[4] + 1]
    return Statistics(
        mean=float(values.mean()),
        recall=float((values > 0.5).mean()),
        decay=float(first.mean() - last.mean()),
    )


def boundary_radius(height: int, width: int) -> int:
    """The tolerance of F in pixels: 8 at 854 x 480."""
    return math.ceil(BOUNDARY_SHARE * math.sqrt(height * height + width * width))


def boundary_map(mask: Bool) -> Bool:
    """The one-pixel boundary of a (H, W) boolean mask, half a pixel towards the origin.

    A pixel is on it when its east, south or south-east neighbour differs; the last row looks only
    east, the last column only south, the corner is never on it.
    """
    edge = np.zeros_like(mask)
    here = mask[:-1, :-1]
    edge[:-1, :-1] = (here ^ mask[:-1, 1:]) | (here ^ mask[1:, :-1]) | (here ^ mask[1:, 1:])
    edge[-1, :-1] = mask[-1, :-1] ^ mask[-1, 1:]
    edge[:-1, -1] = mask[:-1, -1] ^ mask[1:, -1]
    return edge


def _boundary_f(pred: Bool, truth: Bool, radius: int) -> tuple[float, float, float]:
    pred_edge, truth_edge = boundary_map(pred), boundary_map(truth)
    n_pred, n_truth = np.count_nonzero(pred_edge), np.count_nonzero(truth_edge)
    if n_pred and n_truth:
        precision = float(np.count_nonzero(pred_edge & _dilate(truth_edge, radius)) / n_pred)
        recall = float(np.count_nonzero(truth_edge & _dilate(pred_edge, radius)) / n_truth)
    else:
        precision, recall = float(not n_pred), float(not n_truth)
    both = precision + recall
    return (2 * precision * recall / both if both else 0.0), precision, recall


def _dilate(edge: Bool, radius: int) -> Bool:
    """`edge` dilated by a disk, as a union of one horizontal run a row of the disk."""
    source: npt.NDArray[np.uint8] = edge.view(np.uint8)
    grown = np.zeros_like(source)
    height = len(source)
    run, rows = -1, source
    for dy in range(min(radius, height - 1) + 1):
        half = math.isqrt(radius * radius - dy * dy)
        if half != run:
            run, rows = half, _grow_rows(source, half)
        grown[dy:] |= rows[: height - dy]
        grown[: height - dy] |= rows[dy:]
    return grown.view(np.bool_)


def _grow_rows(source: npt.NDArray[np.uint8], half: int) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.dilate(source, np.ones((1, 2 * half + 1), np.uint8)), np.uint8)


def _box(mask: npt.NDArray[np.bool_ | np.uint8]) -> tuple[slice, slice]:
    """The rows and columns of the mask's bounding box and of the ring of pixels around it.

    With that ring (or the image's own edge) in place the boundary inside the box is the boundary
    in the whole image.
    """
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return slice(max(y - 1, 0), y + height + 1), slice(max(x - 1, 0), x + width + 1)
