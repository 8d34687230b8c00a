"""Exporting what has been tracked, beside the page."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kmn_cli.errors import UsageError, describe
from kmn_cli.media.exports.clip import Clip, make_clip
from kmn_cli.media.exports.contact_sheet import spread
from kmn_cli.media.exports.formats import FORMATS, VideoFormat
from kmn_cli.media.exports.found import find_mask_folders
from kmn_cli.web.project import Project

FOLDER = "export"  # in the folder of the results


class Exporter:
    """Writes a project's masks in a format, one at a time, into FOLDER/export."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._status: dict[str, Any] = {"state": "idle"}

    def status(self) -> dict[str, Any]:
        """For the page: state, done, total, the output, or what went wrong."""
        return dict(self._status)

    def start(self, project: Project, name: str, objects: Sequence[int], every: int) -> None:
        """Begin to write.

        Raises:
            UsageError: something is being written, or there is nothing to write.
        """
        if self._thread is not None and self._thread.is_alive():
            raise UsageError("An export is being written.", "Wait for it.")
        if not (project.folder / "masks").is_dir():
            raise UsageError("There are no masks yet.", "Track the objects first.")
        self._status = {"state": "writing", "done": 0, "total": None}
        arguments = (project, name, objects, every)
        self._thread = threading.Thread(target=self._run, args=arguments, name="kmn-export")
        self._thread.start()

    def _run(self, project: Project, name: str, objects: Sequence[int], every: int) -> None:
        try:
            names = {int(i): text for i, text in project.notes["names"].items()}
            folder = find_mask_folders([project.folder])[0]
            clip = make_clip(folder, project.video, objects, names)
            places = spread(len(clip.masks)) if name == "contact-sheet" and every == 1 else None
            clip = clip.every(every) if places is None else clip.only(places)
            wanted = FORMATS[name]
            target = project.folder / FOLDER / wanted.output
            self._status |= {"total": len(clip.masks)}
            self._write(replace(clip, on_frame=self._count), wanted, target)
            self._status |= {"state": "done", "output": str(target), "warnings": clip.warnings}
        except Exception as error:
            said = describe(error)
            self._status |= {"state": "failed", "error": said.message, "hint": said.hint}

    def _count(self) -> None:
        self._status["done"] += 1

    def _write(self, clip: Clip, wanted: Any, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(wanted, VideoFormat):
            wanted.write(clip, target)
        else:
            wanted.write([clip], target)
