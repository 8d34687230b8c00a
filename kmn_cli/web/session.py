"""What the page can ask for; here: frames, the mask of a drawing, and saving it."""

from __future__ import annotations

import io
import json
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from kmn_cli.batch.first_mask import FirstMask, Saved
from kmn_cli.media.exports.targets import jpeg
from kmn_cli.media.frame_store import FrameStore
from kmn_cli.media.init_mask import FindEdges, mask_from_prompts
from kmn_cli.media.palette import voc_palette
from kmn_cli.media.prompts import Prompts
from kmn_cli.web import protocol
from kmn_cli.web.protocol import Drawing, read_json

_KEPT = 64  # edges found before: undo and painting need not look for them again
# The palette's first colours are dark: brighter ones show on a picture and on the page.
COLOURS = np.minimum(voc_palette().astype(int) + 100, 255).astype(np.uint8)


class Content(NamedTuple):
    """An answer to the page."""

    body: bytes
    kind: str


def as_json(document: object) -> Content:
    """A document for the page."""
    return Content(json.dumps(document).encode(), "application/json")


def as_mask(labels: np.ndarray) -> Content:
    """Ids (H, W) uint8 for the page: a PNG of bright colours, nothing where no object is."""
    image = Image.fromarray(labels, "P")
    image.putpalette(COLOURS.tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", transparency=bytes([0] + [255] * 255), compress_level=1)
    return Content(file.getvalue(), "image/png")


def as_picture(image: np.ndarray, long_side: int | None = None) -> Content:
    """A frame for the page, scaled down to a long side."""
    scale = (long_side or max(image.shape)) / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Content(jpeg(image), "image/jpeg")


class PageSession(ABC):
    """What a page shows and does, asked by many threads.

    Attributes:
        ended: set when the page says so.
    """

    def __init__(self) -> None:
        self.ended = threading.Event()

    @abstractmethod
    def get(self, name: str, number: int | None, size: int | None) -> Content | None:
        """What is asked for under a name, maybe of a frame; None where there is no such thing."""

    @abstractmethod
    def post(self, name: str, body: bytes) -> Content | None:
        """Do what is asked for; None where there is no such thing."""


class FoundEdges:
    """Remembers the edges of objects that were found before."""

    def __init__(self, find: FindEdges) -> None:
        self._find = find
        self._found: OrderedDict[tuple[object, ...], np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def in_frame(self, frame: int) -> FindEdges:
        """What finds them in the frame with an index."""
        return partial(self._of, frame)

    def _of(self, frame: int, image: np.ndarray, prompts: Prompts) -> np.ndarray:
        key = (frame, prompts.box, prompts.inside, prompts.outside)
        with self._lock:
            if key not in self._found:
                self._found[key] = self._find(image, prompts)
                while len(self._found) > _KEPT:
                    self._found.popitem(last=False)
            return self._found[key]


def about(store: FrameStore) -> dict[str, object]:
    """What every page must know of its video."""
    info = store.info
    return {
        "name": info.path.name,
        "frames": info.frames,
        "width": info.width,
        "height": info.height,
        "fps": info.fps,
        "colours": COLOURS.tolist(),
    }


class MaskSession(PageSession):
    """One person's drawing of one mask.

    Attributes:
        saved: what was written last.
    """

    def __init__(self, first: FirstMask, frame: int) -> None:
        super().__init__()
        self._first, self._frame = first, frame
        self._edges = FoundEdges(first.find)
        self._lock = threading.Lock()
        self.saved: Saved | None = None

    def get(self, name: str, number: int | None, size: int | None) -> Content | None:
        if name == "info":
            known = {"mode": "mask", "frame": self._frame, "output": str(self._first.output)}
            return as_json({**about(self._first.store), **known})
        if name == "frame" and number is not None:
            return as_picture(self._first.store.get(number).image, size)
        return None

    def post(self, name: str, body: bytes) -> Content | None:
        if name == "mask":
            return as_mask(self._labels(read_json(body, protocol.drawing)))
        if name == "save":
            drawing = read_json(body, protocol.drawing)
            with self._lock:
                self.saved = self._first.save(drawing.frame, drawing.objects)
                return as_json(self.saved.to_json())
        if name == "end":
            self.ended.set()
            return as_json({})
        return None

    def _labels(self, drawing: Drawing) -> np.ndarray:
        image = self._first.store.get(drawing.frame).image
        return mask_from_prompts(image, drawing.objects, self._edges.in_frame(drawing.frame))
