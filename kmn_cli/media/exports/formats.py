"""The formats by name: what each writes, and from what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kmn_cli.media.exports.arrays import write_npz
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.exports.coco import write_coco, write_coco_with_images
from kmn_cli.media.exports.contact_sheet import write_contact_sheet
from kmn_cli.media.exports.cvat import write_cvat
from kmn_cli.media.exports.pictures import write_binary, write_rgba
from kmn_cli.media.exports.submission import write_davis_zip, write_youtube_vos_zip
from kmn_cli.media.exports.videos import write_alpha, write_green_screen, write_overlay
from kmn_cli.media.exports.yolo import write_yolo, write_yolo_with_images


@dataclass(frozen=True)
class VideoFormat:
    """A format with one output for every video.

    Attributes:
        output: what the output is called in the video's folder.
        write: writes it, whole or not at all.
        suffixes: of the file; empty when it is a folder.
        needs_source: whether it cannot be written without the frames.
    """

    output: str
    write: Callable[[Clip, Path], None]
    suffixes: tuple[str, ...] = ()
    needs_source: bool = False


@dataclass(frozen=True)
class SetFormat:
    """A format with one output for all videos.

    Attributes:
        output, write, suffixes, needs_source: as in VideoFormat.
        write_images: writes the frames, too, where the format knows that: into the folder, or
            beside the file.
    """

    output: str
    write: Callable[[Sequence[Clip], Path], None]
    suffixes: tuple[str, ...] = ()
    needs_source: bool = False
    write_images: Callable[[Sequence[Clip], Path], None] | None = None


FORMATS: dict[str, VideoFormat | SetFormat] = {
    "binary": VideoFormat("binary", write_binary),
    "rgba": VideoFormat("rgba", write_rgba, needs_source=True),
    "overlay": VideoFormat("overlay.mp4", write_overlay, (".mp4",), True),
    "alpha": VideoFormat("alpha.mov", write_alpha, (".mov", ".webm"), True),
    "alpha-webm": VideoFormat("alpha.webm", write_alpha, (".webm",), True),
    "green-screen": VideoFormat("green-screen.mp4", write_green_screen, (".mp4",), True),
    "coco": SetFormat("coco.json", write_coco, (".json",), write_images=write_coco_with_images),
    "yolo": SetFormat("yolo", write_yolo, write_images=write_yolo_with_images),
    "cvat": VideoFormat("cvat.zip", write_cvat, (".zip",)),
    "npz": VideoFormat("masks.npz", write_npz, (".npz",)),
    "contact-sheet": VideoFormat("contact-sheet.jpg", write_contact_sheet, (".jpg", ".png")),
    "davis-zip": SetFormat("davis.zip", write_davis_zip, (".zip",)),
    "youtube-vos-zip": SetFormat("youtube-vos.zip", write_youtube_vos_zip, (".zip",)),
}
