"""The mask of one frame: made from prompts, saved with a preview, and how to go on from it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kmn_cli.errors import UsageError, WeightsError
from kmn_cli.files import atomic_path
from kmn_cli.media.edges import EdgeFinder, by_colours
from kmn_cli.media.exports.targets import png
from kmn_cli.media.frame_store import FrameStore
from kmn_cli.media.init_mask import (
    FindEdges,
    check_all_there,
    doubts,
    draw_preview,
    mask_from_prompts,
)
from kmn_cli.media.labelme import read_labelme
from kmn_cli.media.labels import read_ids
from kmn_cli.media.masks import Mask, preview_of, write_mask
from kmn_cli.media.prompt_text import parse_prompts
from kmn_cli.media.prompts import Prompts
from kmn_cli.media.video import open_video


@dataclass(frozen=True)
class Saved:
    """What was written."""

    mask: Path
    preview: Path
    frame: int
    command: str
    objects: list[dict[str, Any]]
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        """The document of --json."""
        return {
            "mask": str(self.mask),
            "preview": str(self.preview),
            "frame": self.frame,
            "objects": self.objects,
            "warnings": self.warnings,
            "command": self.command,
        }

    def to_text(self) -> str:
        """The same for people."""
        lines = [
            f"object {each['id']}{' (' + each['name'] + ')' if 'name' in each else ''}: "
            f"{each['pixels']} pixels"
            for each in self.objects
        ]
        lines.append(f"{self.mask} is written; look at {self.preview}, then:")
        return "\n".join([*lines, self.command])


class FirstMask:
    """One video, and the one mask file that is made for it.

    Attributes:
        store: the video's frames.
        output: the mask file.
        find: finds an object's edges.
    """

    def __init__(
        self, store: FrameStore, video: Path, output: Path, find: FindEdges = by_colours
    ) -> None:
        self.store, self.output = store, output
        self._video, self.find = video, find

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames."""
        return self.store.info.width, self.store.info.height

    def add_labelme(self, prompts: dict[int, Prompts], files: Sequence[Path]) -> dict[int, str]:
        """Add the objects of labelme files to the prompts, and return their names by id.

        Raises:
            InputError: a file cannot be used.
            UsageError: there are too many objects, or none.
        """
        names = {}
        for path in files:
            for found in read_labelme(path, self.size):
                object_id = max(prompts, default=0) + 1
                prompts[object_id], names[object_id] = found.prompts, found.label
        if not 0 < len(prompts) <= 255 or max(prompts) > 255:
            raise UsageError(
                f"{len(prompts)} objects are marked." if prompts else "Nothing is marked.",
                "Give --box X,Y,W,H, --points, --polygon or --from-labelme for 1 to 255 objects, "
                "or draw with --web.",
            )
        return names

    def labels(self, index: int, prompts: Mapping[int, Prompts]) -> np.ndarray:
        """Return the ids (H, W) uint8 that the prompts mean in a frame."""
        return mask_from_prompts(self.store.get(index).image, prompts, self.find)

    def save(
        self, index: int, prompts: Mapping[int, Prompts], names: Mapping[int, str] | None = None
    ) -> Saved:
        """Write the mask and its preview.

        Raises:
            InputError: an object has no pixel.
            KmnError: the files cannot be written.
        """
        labels = self.labels(index, prompts)
        check_all_there(labels, prompts)
        preview = preview_of(self.output)
        with atomic_path(preview) as part:
            part.write_bytes(png(draw_preview(self.store.get(index).image, labels)))
        write_mask(self.output, labels)
        objects = []
        for object_id in sorted(prompts):
            mask = (labels == object_id).astype(np.uint8)
            said: dict[str, Any] = {"id": object_id}
            if names and object_id in names:
                said["name"] = names[object_id]
            box = list(cv2.boundingRect(mask))
            objects.append({**said, "pixels": int(mask.sum()), "box": box})
        warnings = doubts(labels, prompts)
        return Saved(self.output, preview, index, self.command(index), objects, warnings)

    def command(self, index: int) -> str:
        """Return the line that segments the video with the mask of this frame."""
        info = self.store.info
        frame = self.store.get(index).name if info.is_folder else str(index)
        mask = f"{frame}={self.output}" if index else str(self.output)
        return shlex.join(["kmn", "segment", str(self._video), "--mask", mask])


def network_finder(device: str, tell: Callable[[str], None]) -> FindEdges:
    """Return what finds edges by the shipped network, which is loaded when it is first needed, or
    by colours where it is not there; arguments as of `load_network`."""

    @cache
    def finder() -> EdgeFinder:
        from kmn_cli.inference.prompted import PromptedNetwork

        try:
            return EdgeFinder(PromptedNetwork.shipped(device, tell))
        except WeightsError as error:
            tell(f"first mask: by colours ({error.message})")
            return by_colours

    return lambda image, prompts: finder()(image, prompts)


def mask_for_plan(
    video: Path, boxes: Sequence[str], points: Sequence[str], start: str | None
) -> Mask:
    """Return about what `mask_for_segment` makes, by colours alone; nothing is written.

    Raises:
        UsageError, InputError: as `mask_for_segment`.
    """
    prompts = parse_prompts(boxes, points)
    with open_video(video, start=start) as reader:
        labels = mask_from_prompts(next(iter(reader)).image, prompts)
    check_all_there(labels, prompts)
    return Mask(labels)


def mask_for_segment(
    video: Path,
    folder: Path,
    boxes: Sequence[str],
    points: Sequence[str],
    start: str | None,
    find: FindEdges,
    *,
    overwrite: bool,
) -> Saved:
    """Make the mask that `kmn segment --box` means, of the first frame that is read.

    Args:
        video: the input.
        folder: of its results; the mask is FOLDER/first-mask.png, with a preview beside it.
        boxes, points: as typed.
        start: of the part that is read, as typed.
        find: finds objects' edges.
        overwrite: whether another mask, or results of another, may be replaced.

    Raises:
        UsageError: an option cannot be understood, or something would be replaced.
        InputError: the video cannot be read, or an object has no pixel.
    """
    output = folder / "first-mask.png"
    prompts = parse_prompts(boxes, points)
    with open_video(video, start=start) as reader:
        index = reader.info.first
    with FrameStore(video) as store:
        first = FirstMask(store, video, output, find)
        known = output.exists() and not overwrite
        same = known and np.array_equal(read_ids(output), first.labels(index, prompts))
        if not (overwrite or same):
            for path in (output, preview_of(output), folder / "result.json"):
                if path.exists():
                    raise UsageError(
                        f"{path} is there already, of another mask.",
                        "--overwrite replaces it; -o names another folder.",
                    )
        return first.save(index, prompts)
