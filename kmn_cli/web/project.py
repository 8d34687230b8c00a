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
from kmn_cli.batch.result import RESULT, input_bytes
from kmn_cli.errors import InputError
from kmn_cli.files import existing, list_images, read_document, write_json
from kmn_cli.media.frame_store import FrameStore
from kmn_cli.media.images import load_image
from kmn_cli.media.masks import checksum, write_mask
from kmn_cli.web.found import Found
from kmn_cli.web.how_made import HowMade
from kmn_cli.web.protocol import Drawing

EDIT = "edit"  # in the folder of the results
_MOST_TRIED = 8  # objects of which any may have been given


class Project:
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
        self.video, self.folder = existing(video), folder
        _refuse_other(self.video, folder)
        self.given = folder / EDIT / "given"
        self.preview = folder / EDIT / "preview"
        self.found = Found(self)
        self._stems = [path.stem for path in list_images(video)] if video.is_dir() else None
        self.notes: dict[str, Any] = {"names": {}, "settings": {}, "outputs": []}
        self.notes |= {"drawings": {}, "removed": {}}  # by frame; removed: when, in ns
        self.notes |= read_document(folder / EDIT / "edit.json") | {"video": str(self.video)}
        result = read_document(folder / RESULT)
        # Kept, for a run that corrects the results begins with removing their result.json.
        self.notes |= {name: result[name] for name in ("settings", "outputs") if name in result}
        self.made = HowMade.of(self.notes)
        self.frames = self.made.frames(self.video)
        self.store = FrameStore(self.video, self.made.reading)
        if result:
            self.save()
        if not self.given.is_dir():
            self._adopt(result.get("mask_contents", []))

    def stem(self, index: int) -> str:
        """What the files of a frame are called."""
        if self._stems is None:
            return f"{index:05d}" if not self.store.info.is_folder else self.video.stem
        if index >= len(self._stems):
            raise InputError(f"There is no frame {index}.", "Frames are counted from 0.")
        return self._stems[index]

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

    def given_frames(self) -> list[int]:
        """Indices of the frames with a given mask."""
        places = self.places(self.given)
        return sorted(places)

    def places(self, folder: Path) -> dict[int, Path]:
        """The pictures of a folder by the frames that they are of."""
        if not folder.is_dir():
            return {}
        found = {path.stem: path for path in folder.glob("*.png")}
        if self._stems is not None:
            return {i: found[stem] for i, stem in enumerate(self._stems) if stem in found}
        if self.store.info.is_folder:
            return {0: found[self.video.stem]} if self.video.stem in found else {}
        return {int(stem): path for stem, path in found.items() if stem.isdecimal()}

    def labels(self, index: int) -> np.ndarray:
        """The ids (H, W) uint8 of a frame: see `Found`."""
        for path in self.found.of_frame(index):
            if path.exists():
                with suppress(InputError):  # gone since, as a run goes on
                    return _read(path)
        return self._empty()

    def base(self, drawing: Drawing) -> np.ndarray:
        """What a drawing is drawn upon, kept as it was when the drawing began."""
        if drawing.base is None:
            return self._empty()
        name = f"{self.stem(drawing.frame)}-{drawing.base}.png"
        path, given = self.folder / EDIT / "base" / name, self._given_path(drawing.base)
        if not path.exists():
            # Of a given mask nothing else: what was found beside it is not given.
            redrawn = drawing.base == drawing.frame and given.exists()
            write_mask(path, _read(given) if redrawn else self.labels(drawing.base))
        return _read(path)

    def give(self, drawing: Drawing, labels: np.ndarray) -> None:
        """Make a mask the given one of its frame."""
        write_mask(self._given_path(drawing.frame), labels)
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
            index, _, wanted = text.partition(":")
            path = self.folder / "masks" / f"{self.stem(int(index))}.png"
            if path.exists():
                write_mask(self.given / path.name, _given_part(_read(path), wanted))

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


def _read(path: Path) -> np.ndarray:
    return np.array(load_image(path))
