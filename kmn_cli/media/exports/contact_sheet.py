"""One picture that shows a whole video."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kmn_cli.errors import InputError
from kmn_cli.files import atomic_path
from kmn_cli.media.exports.clip import Clip, ExportFrame
from kmn_cli.media.overlay import draw_overlay
from kmn_cli.media.palette import palette_array

TILES = 20  # when not told which frames
_WIDTH = 1600  # of the sheet, in pixels
_GAP = 8
_HEADER = 44
_LARGEST = 65_000  # JPEG's limit
_PAPER, _INK, _NO_IMAGE = (24, 24, 27), (235, 235, 235), 60


def write_contact_sheet(clip: Clip, path: Path) -> None:
    """Write a JPEG or PNG with the frames side by side, their masks drawn over them.

    Without a source the masks are drawn on grey.

    Raises:
        InputError: when there are too many frames for one picture.
    """
    columns = _columns(clip.width / clip.height, len(clip.masks))
    width = (_WIDTH - _GAP * (columns + 1)) // columns
    height = max(1, round(width * clip.height / clip.width))
    rows = math.ceil(len(clip.masks) / columns)
    size = (_WIDTH, _HEADER + rows * (height + _GAP))
    if size[1] > _LARGEST:
        raise InputError(
            f"{len(clip.masks)} frames are too many for one sheet.", "Choose a larger --every."
        )
    sheet = Image.new("RGB", size, _PAPER)
    _draw_header(sheet, clip)
    for place, frame in enumerate(clip.frames(pixels=True)):
        row, column = divmod(place, columns)
        tile = _tile(frame, clip, (width, height))
        sheet.paste(tile, (_GAP + column * (width + _GAP), _HEADER + row * (height + _GAP)))
    with atomic_path(path) as part:
        if path.suffix.lower() == ".png":
            sheet.save(part, format="PNG")
        else:
            sheet.save(part, format="JPEG", quality=90)


def spread(count: int, wanted: int = TILES) -> list[int]:
    """Return up to `wanted` places among `count`, evenly spaced, with the first and the last."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, wanted))})


def _columns(aspect: float, count: int) -> int:
    """Return how many tiles stand in a row: fewer where they are wide."""
    return max(1, min(count, round(5 / math.sqrt(aspect / (16 / 9)))))


def _draw_header(sheet: Image.Image, clip: Clip) -> None:
    draw = ImageDraw.Draw(sheet)
    title, small = ImageFont.load_default(20), ImageFont.load_default(16)
    draw.text((_GAP + 2, _HEADER // 2), clip.name, _INK, font=title, anchor="lm")
    x = _GAP + 2 + draw.textlength(clip.name, font=title) + 28
    colours = palette_array(clip.palette)
    for object_id in clip.object_ids:
        red, green, blue = colours[object_id].tolist()
        label = clip.called(object_id)
        end = x + 24 + draw.textlength(label, font=small)
        if end > _WIDTH - 30:
            draw.text((x, _HEADER // 2), "…", _INK, font=small, anchor="lm")
            break
        draw.rectangle((x, _HEADER // 2 - 8, x + 16, _HEADER // 2 + 8), (red, green, blue), _INK)
        draw.text((x + 24, _HEADER // 2), label, _INK, font=small, anchor="lm")
        x = end + 24


def _tile(frame: ExportFrame, clip: Clip, size: tuple[int, int]) -> Image.Image:
    image = frame.image
    if image is None:
        image = np.full((*frame.labels.shape, 3), _NO_IMAGE, np.uint8)
    drawn = Image.fromarray(draw_overlay(image, frame.labels, clip.palette))
    tile = drawn.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    draw = ImageDraw.Draw(tile)
    font = ImageFont.load_default(14)
    box = draw.textbbox((8, 6), frame.name, font=font)
    draw.rectangle((box[0] - 4, box[1] - 3, box[2] + 4, box[3] + 3), _PAPER)
    draw.text((8, 6), frame.name, _INK, font=font)
    return tile
