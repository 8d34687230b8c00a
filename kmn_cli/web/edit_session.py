"""What the page of `kmn edit` can ask for: drawing, tracking, looking, exporting."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kmn_cli.batch.file_kinds import is_video_name
from kmn_cli.errors import InputError, UsageError
from kmn_cli.files import list_images, natural_key
from kmn_cli.media.edges import by_colours
from kmn_cli.media.exports.formats import FORMATS
from kmn_cli.media.init_mask import FindEdges, correct_mask
from kmn_cli.media.masks import Mask
from kmn_cli.web import protocol
from kmn_cli.web.export import Exporter
from kmn_cli.web.project import Project, open_project
from kmn_cli.web.protocol import PREVIEW_SIZE, Drawing, read_json, whole_number
from kmn_cli.web.session import (
    Content,
    FoundEdges,
    PageSession,
    about,
    as_json,
    as_mask,
    as_picture,
)
from kmn_cli.web.survey import Survey
from kmn_cli.web.tracker import Tracker


class EditSession(PageSession):
    """One person's work on one video.

    Args:
        video: a video or a folder of results; None lets the page choose in `here`.
        output: where the folders of results lie.
        tracker: tracks.
        find: finds objects' edges.
        here: the folder whose videos can be chosen.
    """

    def __init__(
        self,
        video: Path | None,
        output: Path,
        tracker: Tracker,
        find: FindEdges = by_colours,
        here: Path | None = None,
    ) -> None:
        super().__init__()
        self._output, self._tracker = output, tracker
        self._here = here or Path.cwd()
        self._lock = threading.Lock()  # of the project's files
        self._edges = FoundEdges(find)
        self._project: Project | None = None
        self._survey: Survey | None = None
        self._exporter = Exporter()
        if video is not None:
            self._open(video)
        self._posts: dict[str, Callable[[bytes], object]] = {
            "open": self._choose,
            "forget": self._forget,
            "names": self._name,
            "track": self._track,
            "stop": lambda body: self._tracker.stop(),
            "export": self._export,
            "end": lambda body: self.close(),
        }

    @property
    def project(self) -> Project:
        """The video.

        Raises:
            UsageError: none is open.
        """
        if self._project is None:
            raise UsageError("No video is open.", "Choose one.")
        return self._project

    def close(self) -> None:
        """End the work; what was tracked stays on disk."""
        self._tracker.stop()
        self.ended.set()

    def to_json(self) -> dict[str, Any]:
        """The document of --json."""
        if self._project is None:
            return {"output": None, "frames": 0}
        masks = self._project.places(self._project.folder / "masks")
        return {
            "output": str(self._project.folder),
            "frames": len(masks),
            "given": self._project.given_frames(),
        }

    def to_text(self) -> str:
        """The same for people, and how to go on."""
        if self._project is None:
            return "No video was opened."
        folder = self._project.folder
        line = shlex.join(["kmn", "export-masks", str(folder), "--to", "overlay"])
        return f"{self.to_json()['frames']} masks are in {folder}. To other programs: {line}"

    def get(self, name: str, number: int | None, size: int | None) -> Content | None:
        if name == "info":
            return as_json(self._info())
        if name == "status":
            return as_json({**self._tracker.status(), "export": self._exporter.status()})
        if name == "survey" and self._survey is not None:
            return as_json(self._survey.since(number or 0))
        if number is None:
            return None
        if name == "frame":
            return as_picture(self.project.store.get(number).image, size)
        if name == "labels":
            return as_mask(self.project.labels(number))
        return None

    def post(self, name: str, body: bytes) -> Content | None:
        if name == "mask":
            return as_mask(self._draw(read_json(body, protocol.drawing)))
        if name not in self._posts:
            return None
        return as_json(self._posts[name](body) or {})

    def _open(self, path: Path) -> None:
        self._project = open_project(path, self._output)
        self._survey = Survey(self._project)

    def _info(self) -> dict[str, Any]:
        if self._project is None:
            return {"mode": "choose", "folder": str(self._here), "choices": self._choices()}
        project, given = self._project, self._project.given_frames()
        return {
            "mode": "edit",
            **about(project.store),
            "frame": given[0] if given else 0,
            "output": str(project.folder),
            "names": project.notes["names"],
            "drawings": project.notes["drawings"],
            "preview": PREVIEW_SIZE,
            "formats": list(FORMATS),
        }

    def _choices(self) -> list[str]:
        """Videos, folders of frames and results, in the folder and in OUT."""
        found = []
        for path in (p for p in self._here.iterdir() if not p.name.startswith(".")):
            frames = path.is_dir() and bool(list_images(path))
            if frames or is_video_name(path):
                found.append(path.name)
        return sorted(found, key=natural_key)

    def _choose(self, body: bytes) -> None:
        name = read_json(body, lambda said: str(said["name"]))
        if self._project is not None or name not in self._choices():
            raise InputError(f"{name} cannot be chosen here.", "Reload the page.")
        self._open(self._here / name)

    def _draw(self, drawing: Drawing) -> np.ndarray:
        """The mask of a drawing, which becomes the given one of its frame."""
        project = self.project
        project.check(drawing.frame)
        image = project.store.get(drawing.frame).image
        find = self._edges.in_frame(drawing.frame)
        with self._lock:
            base = project.base(drawing)
            labels = correct_mask(base.labels, image, drawing.objects, find)
            mask = Mask(labels, absent=_erased(base, labels, drawing))
            if mask.ids or mask.absent:
                project.give(drawing, mask)
            else:  # nothing is marked: nothing is given
                project.take_back(drawing.frame)
        return labels

    def _forget(self, body: bytes) -> None:
        frame = read_json(body, lambda said: whole_number(said["frame"]))
        with self._lock:
            self.project.take_back(frame)

    def _name(self, body: bytes) -> None:
        with self._lock:
            self.project.notes["names"] = read_json(body, protocol.names)
            self.project.save()

    def _track(self, body: bytes) -> None:
        self._tracker.start(self.project, read_json(body, protocol.order))

    def _export(self, body: bytes) -> None:
        self._exporter.start(self.project, *read_json(body, protocol.export))


def _erased(base: Mask, labels: np.ndarray, drawing: Drawing) -> tuple[int, ...]:
    """Ids of the objects that a drawing has taken away: all of what was there of them.

    An object whose edges were looked for, and not found, is none of them.
    """
    rubbed_out = {i for i, prompts in drawing.objects.items() if not prompts.has_hints}
    gone = {*base.ids, *base.absent, *rubbed_out}.difference(np.unique(labels).tolist())
    return tuple(sorted(gone))
