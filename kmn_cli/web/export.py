"""Exporting what has been tracked, beside the page."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from kmn_cli.errors import UsageError, describe
from kmn_cli.media.exports.export import open_clip, place_in, write_clips
from kmn_cli.media.exports.found import find_mask_folders
from kmn_cli.web.project import Project


class Exporter:
    """Writes a project's masks in a format, one at a time, into FOLDER/export."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._status: dict[str, Any] = {"state": "idle"}

    def status(self) -> dict[str, Any]:
        """For the page: state, done, total, the output, or what went wrong."""
        return dict(self._status)

    def start(self, project: Project, name: str, objects: Sequence[int], every: int | None) -> None:
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

    def _run(self, project: Project, name: str, objects: Sequence[int], every: int | None) -> None:
        try:
            names = {int(i): text for i, text in project.notes["names"].items()}
            folder = find_mask_folders([project.folder])[0]
            clip = open_clip(folder, name, project.video, objects, names, every=every)
            target = place_in(project.folder, name)
            self._status |= {"total": len(clip.masks)}
            write_clips([clip], name, target, self._count)
            self._status |= {"state": "done", "output": str(target), "warnings": clip.warnings}
        except Exception as error:
            said = describe(error)
            self._status |= {"state": "failed", "error": said.message, "hint": said.hint}

    def _count(self) -> None:
        self._status["done"] += 1
