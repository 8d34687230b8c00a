"""High dynamic range and wide gamuts, made to look right on an ordinary screen.

Sources: SMPTE ST 2084 (PQ), ITU-R BT.2100 (HLG), BT.2408 (white of graphics is 203 cd/m²),
BT.1886 (the screen's gamma of 2.4).
"""

from __future__ import annotations

import cv2
import numpy as np

CODES = 4096  # of the samples that come in: 12 bits, more than HDR video has
_WHITE = 203.0  # cd/m² of a white shirt in HDR: stays nearly white on the screen
_PEAK = 1000.0 / _WHITE  # becomes the screen's white; brighter is cut
_KNEE = 0.6  # linear light: all below stays as it is, all above is compressed

# Linear RGB of these primaries to BT.709's; all have the white point D65.
_TO_709 = {
    "bt709": np.eye(3),
    "bt2020": np.array(
        [
            [1.660491, -0.587641, -0.072850],
            [-0.124550, 1.132900, -0.008349],
            [-0.018151, -0.100579, 1.118730],
        ]
    ),
    "p3": np.array(
        [
            [1.224940, -0.224940, 0.0],
            [-0.042057, 1.042057, 0.0],
            [-0.019638, -0.078636, 1.098274],
        ]
    ),
}
_LUMA_2020 = np.array([[0.2627, 0.6780, 0.0593]])


class ToneMap:
    """Maps coded colours to those of a BT.709 screen.

    Args:
        transfer: "pq", "hlg" or "sdr".
        primaries: "bt709", "bt2020" or "p3".
    """

    def __init__(self, transfer: str, primaries: str) -> None:
        self._transfer = transfer
        self._matrix = _TO_709[primaries]
        self._light = _LIGHT[transfer](np.linspace(0, 1, CODES)).astype(np.float32)
        # Addressed by the root of light: as fine near black as the eye is.
        coded = 255 * np.linspace(0, 1, 2**16) ** (2 / 2.4)
        self._screen = np.rint(coded).astype(np.uint8)

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Return (H, W, 3) uint8 for (H, W, 3) uint16 below CODES."""
        light = self._light[rgb]
        if self._transfer == "hlg":  # the light of a screen depends on the scene's brightness
            light *= (_PEAK * cv2.pow(cv2.transform(light, _LUMA_2020), 0.2))[..., None]
        if self._transfer != "sdr":  # one factor for all three keeps the hue
            light *= _compression(light.max(axis=-1))[..., None]
        light = np.clip(cv2.transform(light, self._matrix), 0, 1)
        return np.asarray(self._screen[(cv2.sqrt(light) * (2**16 - 1)).astype(np.uint16)])


def _compression(light: np.ndarray) -> np.ndarray:
    """The factor that bends what is above the knee so that the peak becomes 1."""
    above = np.maximum(light - _KNEE, 0)
    bend = 1 / (1 - _KNEE) - 1 / (_PEAK - _KNEE)
    bent = np.minimum(light, _KNEE) + above / (1 + bend * above)
    return np.asarray(bent / np.maximum(light, 1e-9))


def _from_pq(code: np.ndarray) -> np.ndarray:
    power = code ** (32 / 2523)
    ratio = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(10_000 * ratio ** (8192 / 1305) / _WHITE)


def _from_hlg(code: np.ndarray) -> np.ndarray:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)


_LIGHT = {"pq": _from_pq, "hlg": _from_hlg, "sdr": lambda code: code**2.4}
