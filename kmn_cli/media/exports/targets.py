"""Pictures as files hold them."""

from __future__ import annotations

import cv2
import numpy as np


def png(image: np.ndarray) -> bytes:
    """Encode grey (H, W), RGB or RGBA (H, W, 3|4) uint8, lightly compressed."""
    if image.ndim == 3:
        code = cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        image = cv2.cvtColor(image, code)
    return _encode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def jpeg(image: np.ndarray) -> bytes:
    """Encode RGB (H, W, 3) uint8."""
    return _encode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])


def _encode(suffix: str, image: np.ndarray, options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, np.ascontiguousarray(image), options)
    assert done, "sizes and types are right by construction"
    return bytes(data)
