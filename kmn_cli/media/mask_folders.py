"""Where the masks of videos lie: the same places in data sets, in results and for exports."""

from __future__ import annotations

from pathlib import Path

from kmn_cli.files import all_images

# Beside masks while a run makes them, and after it if it ended early; other tools leave nothing.
UNFINISHED = ".unfinished"


def top_of_masks(root: Path) -> Path:
    """The folder with a folder of masks for each video: `Annotations/480p/`, … or `root` itself."""
    annotations = root / "Annotations"
    return resolution(annotations) if annotations.is_dir() else root


def resolution(folder: Path) -> Path:
    """DAVIS keeps its frames one level deeper, by resolution; 480p is what it is scored at."""
    levels = (folder / name for name in ("480p", "Full-Resolution", "1080p"))
    return next((level for level in levels if level.is_dir()), folder)


def mask_files(folder: Path) -> tuple[Path, ...]:
    """The masks of one video in time order: PNGs in `folder/masks/`, or in `folder` itself."""
    inner = folder / "masks"
    home = inner if inner.is_dir() else folder
    if not home.is_dir():
        return ()
    return tuple(path for path in all_images(home) if path.suffix.lower() == ".png")


def find_results(root: Path, name: str, alone: bool = False) -> Path:
    """The folder of one video's masks among results.

    Args:
        root: of the results: the layouts that a data set may have, and results of `kmn segment`.
        name: of the video.
        alone: whether it is the only video: its masks may then lie in `root` itself.

    Returns:
        `root/name`, the official place, also when nothing is there.
    """
    official = root / name
    places = [official, top_of_masks(root) / name, *([root] if alone else [])]
    return next((masks[0].parent for place in places if (masks := mask_files(place))), official)
