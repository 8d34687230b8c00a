"""A video that is being edited, and all that is known of it on disk."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from kmn_cli.batch.inputs import output_name
from kmn_cli.batch.result import RESULT
from kmn_cli.batch.same_input import input_bytes
from kmn_cli.errors import InputError
from kmn_cli.files import existing, read_document, write_json
from kmn_cli.media.frame_store import FrameStore
from kmn_cli.media.masks import Mask, checksum, write_mask
from kmn_cli.web.found import Found, read_given
from kmn_cli.web.how_made import HowMade
from kmn_cli.web.places import EDIT, Places
from kmn_cli.web.protocol import Drawing

_MOST_TRIED = 8  # objects of which any may have been given


class Project(Places):
    """One video, its given masks and its results.

    FOLDER is what `kmn segment` makes. FOLDER/edit/given/NAME.png are the given masks, named like
    the results: `kmn segment VIDEO --mask FOLDER/edit/given` makes the same. FOLDER/edit/base holds
    what they were drawn upon, edit.json the drawings, the names of the objects, and how results
    that were there already were made.

    Attributes:
        video: the source.
        folder: of the results.
        made: how the results were made, and are to be.
        frames: indices of those that can be tracked.
        store: the frames, all of them.
        given: folder of the given masks.
        preview: folder of quick results.
        found: which mask of each frame counts.
        notes: the content of edit.json.
    """

    def __init__(self, video: Path, folder: Path) -> None:
        """Open it.

        Raises:
            InputError: the video cannot be read, or the folder belongs to another one.
        """
        # Not as it was typed: the folder may be opened from anywhere.
        self.video = existing(video)
        _refuse_other(self.video, folder)
        self.notes: dict[str, Any] = {"names": {}, "settings": {}, "outputs": []}
        self.notes |= {"drawings": {}, "removed": {}}  # by frame; removed: when, in ns
        self.notes |= read_document(folder / EDIT / "edit.json") | {"video": str(self.video)}
        result = read_document(folder / RESULT)
        # Kept, for a run that corrects the results begins with removing their result.json.
        self.notes |= {name: result[name] for name in ("settings", "outputs") if name in result}
        self.made = HowMade.of(self.notes)
        self.frames = self.made.frames(self.video)
        self.store = FrameStore(self.video, self.made.reading)
        super().__init__(self.store.info, folder)
        self.found = Found(self, self.notes["removed"])
        if result:
            self.save()
        if not self.given.is_dir():
            self._adopt(result.get("mask_contents", []))

    def check(self, index: int) -> None:
        """Refuse a frame that is not tracked: its mask would be left out.

        Raises:
            InputError: saying which ones are.
        """
        if index not in self.frames:
            first, last = self.frames[0], self.frames[-1]
            raise InputError(
                f"Frame {index} is not among those that are tracked: {first} to {last}, the part "
                "of the video that its results are of.",
                "Go to one of these, or open the video with another -o to have all of it.",
            )

    def labels(self, index: int) -> np.ndarray:
        """The ids (H, W) uint8 of a frame: see `Found`."""
        for path in self.found.of_frame(index):
            if path.exists():
                with suppress(InputError):  # gone since, as a run goes on
                    return read_given(path).labels
        return self._empty()

    def base(self, drawing: Drawing) -> Mask:
        """What a drawing is drawn upon, kept as it was when the drawing began."""
        if drawing.base is None:
            return Mask(self._empty())
        name = f"{self.stem(drawing.frame)}-{drawing.base}.png"
        path, given = self.folder / EDIT / "base" / name, self._given_path(drawing.base)
        if not path.exists():
            # Of a given mask nothing else: what was found beside it is not given.
            redrawn = drawing.base == drawing.frame and given.exists()
            mask = read_given(given) if redrawn else Mask(self.labels(drawing.base))
            write_mask(path, mask.labels, absent=mask.absent)
        return read_given(path)

    def give(self, drawing: Drawing, mask: Mask) -> None:
        """Make a mask the given one of its frame."""
        write_mask(self._given_path(drawing.frame), mask.labels, absent=mask.absent)
        self.notes["drawings"][str(drawing.frame)] = drawing.said
        self.notes["removed"].pop(str(drawing.frame), None)
        self.save()

    def take_back(self, index: int) -> None:
        """Forget the given mask of a frame, and its drawing."""
        stem = self.stem(index)
        try:
            self._given_path(index).unlink()
        except FileNotFoundError:  # nothing was drawn yet
            return
        for path in (self.folder / EDIT / "base").glob(f"{stem}-*.png"):
            path.unlink()
        self.notes["drawings"].pop(str(index), None)
        self.notes["removed"][str(index)] = time.time_ns()
        self.save()

    def save(self) -> None:
        """Write edit.json."""
        write_json(self.folder / EDIT / "edit.json", self.notes)

    def _adopt(self, contents: Iterable[str]) -> None:
        """Take the masks that results were made from, as result.json has them, as the given
        ones."""
        for text in contents:
            index, _, content = text.partition(":")
            wanted, *absent = content.split("-")
            path = self.folder / "masks" / f"{self.stem(int(index))}.png"
            if path.exists():
                labels = _given_part(read_given(path).labels, wanted)
                write_mask(self.given / path.name, labels, absent=[int(i) for i in absent])

    def _given_path(self, index: int) -> Path:
        return self.given / f"{self.stem(index)}.png"

    def _empty(self) -> np.ndarray:
        return np.zeros((self.store.info.height, self.store.info.width), np.uint8)


def open_project(path: Path, output: Path) -> Project:
    """Open a video, or the results of one.

    Args:
        path: a video, a folder of frames, or a folder of results.
        output: where the folder of a video's results is.

    Raises:
        InputError: it is neither, its video is gone, or the folder belongs to another one.
    """
    notes = read_document(path / EDIT / "edit.json")
    source = read_document(path / RESULT).get("input") or notes.get("video")
    if source is None:
        return Project(path, output / output_name(path))
    if not Path(source).exists():
        raise InputError(
            f"{path} are the results of {source}, which is not there any more.",
            "Bring the video back to its place.",
        )
    return Project(Path(source), path)


def _refuse_other(video: Path, folder: Path) -> None:
    """Refuse the folder of another video: a name such as C0001.MP4 is on every card.

    Raises:
        InputError: naming the other one.
    """
    result = read_document(folder / RESULT)
    for said in (result.get("input"), read_document(folder / EDIT / "edit.json").get("video")):
        if said and Path(said).resolve() != video.resolve():
            raise InputError(
                f"{folder} belongs to {said}, not to {video}.",
                f"Take another -o for this video; `kmn edit {folder}` goes on with the other.",
            )
    before, now = result.get("input_bytes"), input_bytes(video)
    if before not in (None, now):
        raise InputError(
            f"{folder} belongs to another {video}, of {before} bytes: this one has {now}.",
            "Take another -o for the video that is there now.",
        )


def _given_part(labels: np.ndarray, wanted: str) -> np.ndarray:
    """The ids (H, W) uint8 with a checksum among those of a result, which has others beside."""
    ids = [int(i) for i in np.unique(labels) if i]
    for count in range(len(ids) + 1 if len(ids) <= _MOST_TRIED else 0):
        for left_out in combinations(ids, count):
            part = np.where(np.isin(labels, left_out), np.uint8(0), labels)
            if checksum(part) == wanted:
                return part
    return labels
