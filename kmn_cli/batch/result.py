"""result.json: written last, so that its presence says that a video's results are whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from typing import Any

from kmn_cli.errors import UsageError
from kmn_cli.files import list_images, write_text
from kmn_cli.media.frames import USUAL
from kmn_cli.media.mask_folders import UNFINISHED

RESULT = "result.json"
BACKWARD = ".backward"  # what was found on the way back, while a run lasts
_SHOWN = {"frames", "object_ids", "objects", "frames_per_second", "peak_memory_bytes", "seconds"}
# What each format is called in a video's output folder.
OUTPUTS = {
    "masks": "masks",
    "overlay": "overlay.mp4",
    "soft": "soft",
    "cutout": "cutout",
    "alpha": "alpha.mov",
}


def read_result(
    folder: Path, identity: Mapping[str, Any], contents: Collection[str]
) -> dict[str, Any] | None:
    """The result.json of a folder whose results are whole, or None.

    Results of some of the same masks are none: the rest of them corrects those.

    Args:
        folder: a video's output folder.
        identity: the entries of result.json that say what was to be done: input, settings,
            weights. They must agree, or these are the results of something else.
        contents: of the masks, by frame.

    Raises:
        UsageError: the results are whole, but of another input or other settings.
    """
    try:
        document = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        # Of before there were others.
        before = {"direction": "forward", "view": "full", "enlarge": 1.0, **asdict(USUAL)}
        document["settings"] = before | document["settings"]
        document.setdefault("input_contents", identity["input_contents"])
        present = all((folder / path).exists() for path in document["outputs"].values())
        masks = document["outputs"].get("masks")
        complete = document.keys() >= _SHOWN and "total" in document["seconds"]
        if not (present and complete) or (
            masks and len(list_images(folder / masks)) < document["frames"]
        ):
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if _corrected(document, identity, contents):
        return None
    if differences := _differences(document, identity):
        raise UsageError(
            f"{folder}: holds the results of another run ({'; '.join(differences)}).",
            "--overwrite replaces them; -o names another folder. To correct a run, give it the "
            "same options and a further mask: --mask FRAME=MASK.",
        )
    return dict(document)


@contextmanager
def unfinished(folder: Path) -> Iterator[None]:
    """Mark a video's results as not whole, until the block has ended well.

    Without result.json they would else look like those of another tool, which has none.

    Raises:
        KmnError: the folder cannot be written.
    """
    mark = folder / UNFINISHED
    write_text(mark, "The run that makes these results has not ended.\n")
    try:
        yield
    except BaseException:
        if not any((folder / name).exists() for name in OUTPUTS.values()):
            mark.unlink(missing_ok=True)  # an error before the first frame
        raise
    mark.unlink(missing_ok=True)


def clear_results(folder: Path) -> None:
    """Remove a video's results, and nothing else that lies beside them."""
    (folder / RESULT).unlink(missing_ok=True)
    for name in (*OUTPUTS.values(), BACKWARD):
        _remove(folder / name)


def clear_outdated(folder: Path, formats: Collection[str], object_ids: Collection[int]) -> bool:
    """Remove a result.json that no longer holds, and the outputs that are not made anew.

    Returns:
        Whether there was one.
    """
    for path in (folder / OUTPUTS["soft"]).glob("*"):  # a folder for each object
        if path.name not in map(str, object_ids):
            _remove(path)
    try:
        (folder / RESULT).unlink()
    except FileNotFoundError:
        return False
    for name in set(OUTPUTS) - set(formats):
        _remove(folder / OUTPUTS[name])
    return True


def clear_leftovers(folder: Path) -> None:
    """Remove the unfinished files that a killed process has left in a video's folder."""
    for place in (folder, *(folder / name for name in OUTPUTS.values())):
        for path in place.glob(".*.part") if place == folder else place.rglob(".*.part"):
            with suppress(OSError):
                path.unlink()


def clear_strays(folder: Path, formats: Collection[str], names: Collection[str]) -> None:
    """Remove what a run that was interrupted left of other formats and other frames.

    Args:
        folder: of results that are whole.
        formats: of them.
        names: of their frames.
    """
    for name in set(OUTPUTS) - set(formats):
        _remove(folder / OUTPUTS[name])
    for place in _picture_folders(folder, formats):
        for path in list_images(place) if place.is_dir() else ():
            if path.stem not in names:
                path.unlink()


def frames_on_disk(folder: Path, formats: Iterable[str], names: Iterable[str]) -> int:
    """How many frames are there, from the first on, in every one of the formats that are pictures.

    Args:
        folder: of the results.
        formats: of them.
        names: of the frames, in order; may go on for ever.
    """
    places = _picture_folders(folder, formats)
    if not all(place.is_dir() for place in places) or not places:
        return 0
    there = set.intersection(*({path.stem for path in list_images(place)} for place in places))
    return sum(1 for _ in takewhile(there.__contains__, names))


def _picture_folders(folder: Path, formats: Iterable[str]) -> list[Path]:
    """Where the pictures of these formats lie."""
    places: list[Path] = []
    for name in formats:
        place = folder / OUTPUTS[name]
        if name == "soft":  # a folder for each object
            places += [path for path in place.glob("*") if path.is_dir()] or [place]
        elif not place.suffix:
            places.append(place)
    return places


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _corrected(
    document: Mapping[str, Any], identity: Mapping[str, Any], contents: Collection[str]
) -> bool:
    """Whether results differ in masks only, and not in all of them."""
    had, wanted = document["settings"], identity["settings"]
    of_masks = {name: had[name] for name in ("masks", "direction")}
    same = {**identity, "settings": {**wanted, **of_masks}}
    shared = set(document.get("mask_contents", [])) & set(contents)
    return had != wanted and bool(shared) and not _differences(document, same)


def _differences(document: Mapping[str, Any], identity: Mapping[str, Any]) -> list[str]:
    found = []
    for name, wanted in identity.items():
        had = document.get(name)
        if isinstance(wanted, Mapping) and isinstance(had, Mapping):
            found += _differences(had, wanted)
        elif had != wanted:
            brief = {"masks": name, "sha256": name, "input_contents": "contents of the input"}
            other = f"other {brief[name]}" if name in brief else f"{name} was {had}, now {wanted}"
            found.append(other)
    return found
