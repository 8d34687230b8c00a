"""Pictures of single frames with prediction and truth drawn in."""

from __future__ import annotations

import base64
import io
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from kmn_cli.errors import InputError
from kmn_cli.evaluation.method import Method
from kmn_cli.evaluation.scores import SequenceScore
from kmn_cli.evaluation.sequence import SequenceTask, read_pair
from kmn_cli.media.exports.found import source_of
from kmn_cli.media.frame_store import FrameStore
from kmn_cli.media.images import load_image
from kmn_cli.media.labels import Labels
from kmn_cli.media.layouts import Video

WIDTH = 520
TRUTH_COLOUR = (64, 224, 255)
PREDICTION_COLOUR = (255, 176, 32)
WRONG_COLOUR = (255, 40, 80)


@dataclass(frozen=True)
class FramePick:
    """A frame worth showing: of which sequence, which scored frame, and how good."""

    sequence: str
    index: int
    frame: str
    value: float


def worst_frames(method: Method, count: int = 12, each: int = 2, apart: int = 8) -> list[FramePick]:
    """The frames with the lowest mean of J and F, worst first.

    Args:
        method: whose.
        count: at most so many.
        each: at most so many of one sequence, `apart` frames from each other.
        apart: in scored frames.
    """
    values = {score.name: (score.j_frames + score.f_frames) / 2 for score in method.scores}
    return _pick(method.scores, values, count, each, apart)


def frames_of_difference(
    first: Method, second: Method, count: int = 8, each: int = 2, apart: int = 8
) -> list[FramePick]:
    """The frames where two methods differ most in the mean of J and F, most first."""
    others = {score.name: score for score in second.scores}
    values = {}
    for score in first.scores:
        other = others[score.name]
        ours, theirs = score.j_frames + score.f_frames, other.j_frames + other.f_frames
        values[score.name] = -np.abs(ours - theirs) / 2
    picks = _pick(first.scores, values, count, each, apart)
    return [pick for pick in picks if pick.value < 0]


def draw_frame(video: Video, task: SequenceTask, frame: str) -> str:
    """A frame with the outlines of prediction and truth, wrong pixels tinted, as a data URI."""
    truth, pred = read_pair(task, next(path for path in task.truth if path.stem == frame))
    image = _picture(video, task, frame, truth.shape)
    height, width = truth.shape
    size = (WIDTH, max(1, round(height * WIDTH / width)))
    canvas = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    truth, pred = _shrink(truth, size), _shrink(pred, size)
    wrong = pred != truth
    canvas[wrong] = (0.65 * canvas[wrong] + 0.35 * np.array(WRONG_COLOUR)).astype(np.uint8)
    for labels, colour in ((truth, TRUTH_COLOUR), (pred, PREDICTION_COLOUR)):
        cv2.drawContours(canvas, _outlines(labels), -1, colour, 2, cv2.LINE_AA)
    return _data_uri(canvas)


def _pick(
    scores: tuple[SequenceScore, ...],
    values: dict[str, np.ndarray],
    count: int,
    each: int,
    apart: int,
) -> list[FramePick]:
    """Frames of the lowest values, spread over sequences and time."""
    found = []
    for score in scores:
        taken: list[int] = []
        order = np.argsort(values[score.name], kind="stable")  # NaN comes last
        for index in order.tolist():
            value = float(values[score.name][index])
            if len(taken) == each or np.isnan(value):
                break
            if all(abs(index - other) >= apart for other in taken):
                taken.append(index)
                found.append(FramePick(score.name, index, score.frames[index], value))
    return sorted(found, key=lambda pick: pick.value)[:count]


def _picture(video: Video, task: SequenceTask, frame: str, shape: tuple[int, ...]) -> np.ndarray:
    """The frame: of the data set, or of the video that the results or the truth are of."""
    image: np.ndarray = np.full((*shape, 3), 48, np.uint8)
    path = next((path for path in video.frames if path.stem == frame), None)
    folders = (task.results, video.truth[0].parent)
    source = next(filter(None, map(source_of, folders)), None)
    if path is not None:
        image = np.asarray(load_image(path).convert("RGB"))
    elif source is not None:
        with suppress(InputError), FrameStore(source) as store:
            image = store.get(store.index(frame)).image
    if image.shape[:2] != shape:
        image = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)
    return image


def _shrink(labels: Labels, size: tuple[int, int]) -> Labels:
    return np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def _outlines(labels: Labels) -> list[np.ndarray]:
    outlines: list[np.ndarray] = []
    for object_id in np.unique(labels[labels > 0]).tolist():
        mask = (labels == object_id).view(np.uint8)
        found, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        outlines.extend(found)
    return outlines


def _data_uri(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
