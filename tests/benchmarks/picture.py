"""What is segmented: read by OpenCV alone, as machines with a GPU may have nothing else for it."""

from __future__ import annotations

import cv2
import numpy as np

from kmn_cli.inference.quantize import demo_clip

SIZES = {"480p": (480, 854), "1080p": (1080, 1920)}


def picture_and_mask(size: tuple[int, int], objects: int) -> tuple[np.ndarray, np.ndarray]:
    """The demo clip's first frame, with a column of its rabbit for each object: what a read may
    pass over depends on the picture."""
    clip = demo_clip()
    image = cv2.VideoCapture(str(clip)).read()[1][..., ::-1]
    rabbit = cv2.imread(str(clip.with_suffix(".png")), cv2.IMREAD_GRAYSCALE) > 0
    seen = np.flatnonzero(rabbit.any(0))
    columns = 1 + (np.arange(rabbit.shape[1]) - seen[0]) * objects // (seen[-1] + 1 - seen[0])
    labels = np.where(rabbit, columns, 0).astype(np.uint8)
    frame = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    return frame, cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
