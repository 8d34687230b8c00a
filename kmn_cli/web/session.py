"""What the page can ask for: frames, the mask of a drawing, and saving it."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict

import numpy as np
from PIL import Image

from kmn_cli.batch.first_mask import FirstMask, Saved
from kmn_cli.media.exports.targets import jpeg
from kmn_cli.media.grabcut import find_edges
from kmn_cli.media.init_mask import mask_from_prompts
from kmn_cli.media.palette import voc_palette
from kmn_cli.media.prompts import Prompts
from kmn_cli.web.protocol import Drawing

_KEPT = 64  # edges found before: undo and painting need not look for them again
_TINT = 140  # opacity of a mask on the page
# The palette's first colours are dark: brighter ones show on a picture and on the dark page.
_COLOURS = np.minimum(voc_palette().astype(int) + 100, 255).astype(np.uint8)


class Session:
    """One person's drawing of one mask.

    Attributes:
        saved: what was written last.
        ended: set when the page says so.
    """

    def __init__(self, first: FirstMask, frame: int) -> None:
        self._first = first
        self._frame = frame
        self._edges: OrderedDict[tuple[object, ...], np.ndarray] = OrderedDict()
        self._lock = threading.Lock()
        self.saved: Saved | None = None
        self.ended = threading.Event()

    def info(self) -> dict[str, object]:
        """What the page must know before it draws."""
        info = self._first.store.info
        return {
            "name": info.path.name,
            "frames": info.frames,
            "frame": self._frame,
            "width": info.width,
            "height": info.height,
            "output": str(self._first.output),
            "colours": _COLOURS.tolist(),
        }

    def picture(self, index: int) -> bytes:
        """A frame as JPEG."""
        return jpeg(self._first.store.get(index).image)

    def mask(self, drawing: Drawing) -> bytes:
        """The mask of a drawing as PNG: indices, half transparent, nothing where no object is."""
        labels = self._labels(drawing)
        image = Image.fromarray(labels, "P")
        image.putpalette(_COLOURS.tobytes())
        file = io.BytesIO()
        image.save(file, "PNG", transparency=bytes([0] + [_TINT] * 255), compress_level=1)
        return file.getvalue()

    def save(self, drawing: Drawing) -> Saved:
        """Write the mask and its preview."""
        with self._lock:
            self.saved = self._first.save(drawing.frame, drawing.objects)
            return self.saved

    def _labels(self, drawing: Drawing) -> np.ndarray:
        image = self._first.store.get(drawing.frame).image

        def find(image: np.ndarray, prompts: Prompts) -> np.ndarray:
            key = (drawing.frame, prompts.box, prompts.inside, prompts.outside)
            with self._lock:
                if key not in self._edges:
                    self._edges[key] = find_edges(image, prompts)
                    while len(self._edges) > _KEPT:
                        self._edges.popitem(last=False)
                return self._edges[key]

        return mask_from_prompts(image, drawing.objects, find)
