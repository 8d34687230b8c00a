"""What the page asks of a session."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import numpy as np
from PIL import Image

from kmn_cli.web.edit_session import EditSession

BOX = {"id": 1, "box": [18, 33, 54, 54]}


def post(session: EditSession, name: str, said: Any) -> Any:
    answer = session.post(name, json.dumps(said).encode())
    assert answer is not None
    return json.loads(answer.body) if answer.kind == "application/json" else answer.body


def get(session: EditSession, name: str, number: int | None = None) -> Any:
    answer = session.get(name, number, None)
    assert answer is not None
    return json.loads(answer.body) if answer.kind == "application/json" else answer.body


def draw(session: EditSession, frame: int, *objects: Any, base: int | None = None) -> None:
    post(session, "mask", {"frame": frame, "base": base, "objects": list(objects)})


def track(session: EditSession, **order: Any) -> dict[str, Any]:
    post(session, "track", {"direction": "both", **order})
    while (status := get(session, "status"))["running"]:
        time.sleep(0.02)
    assert isinstance(status, dict)
    return status


def rub_out(*ids: int) -> list[dict[str, Any]]:
    """What the page sends for objects all of which is erased."""
    area = {"area": True, "erase": True, "points": [[0, 0], [90, 0], [90, 160], [0, 160]]}
    return [{"id": i, "strokes": [area]} for i in ids]


def colours(session: EditSession, frame: int) -> np.ndarray:
    """The ids that the page shows."""
    return np.asarray(Image.open(io.BytesIO(get(session, "labels", frame))))
