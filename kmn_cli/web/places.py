"""Where the masks of a video that is edited lie."""

from __future__ import annotations

from pathlib import Path

from kmn_cli.errors import InputError
from kmn_cli.files import list_images
from kmn_cli.media.frames import VideoInfo

EDIT = "edit"  # in the folder of the results


class Places:
    """The folders of masks of one video, in which files are called like those of the results.

    Attributes:
        folder: of the results.
        given: folder of the given masks.
        preview: folder of quick results.
    """

    def __init__(self, info: VideoInfo, folder: Path) -> None:
        self.folder = folder
        self.given = folder / EDIT / "given"
        self.preview = folder / EDIT / "preview"
        self._info = info
        self._stems = [p.stem for p in list_images(info.path)] if info.path.is_dir() else None

    def stem(self, index: int) -> str:
        """What the files of a frame are called."""
        if self._stems is None:
            return f"{index:05d}" if not self._info.is_folder else self._info.path.stem
        if index >= len(self._stems):
            raise InputError(f"There is no frame {index}.", "Frames are counted from 0.")
        return self._stems[index]

    def given_frames(self) -> list[int]:
        """Indices of the frames with a given mask."""
        return sorted(self.places(self.given))

    def places(self, folder: Path) -> dict[int, Path]:
        """The pictures of a folder by the frames that they are of."""
        if not folder.is_dir():
            return {}
        found = {path.stem: path for path in folder.glob("*.png")}
        if self._stems is not None:
            return {i: found[stem] for i, stem in enumerate(self._stems) if stem in found}
        if self._info.is_folder:
            stem = self._info.path.stem
            return {0: found[stem]} if stem in found else {}
        return {int(stem): path for stem, path in found.items() if stem.isdecimal()}
