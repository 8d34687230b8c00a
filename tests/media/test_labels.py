"""Label pictures as editors, annotation tools and programs write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_clips import ffmpeg
from PIL import Image

from kmn_cli.errors import InputError
from kmn_cli.media.labels import MaskReader, read_ids, read_mask
from kmn_cli.media.masks import write_mask
from kmn_cli.media.palette import voc_palette

LABELS = np.zeros((60, 90), np.uint8)  # object 2 stands above object 1, and reaches the lower edge
LABELS[10:60, 20:40] = 2
LABELS[15:50, 40:70] = 1
WHITE, BLACK, RED, BLUE = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255)


def colours(*table: tuple[int, ...]) -> Image.Image:
    return Image.fromarray(np.array(table, np.uint8)[LABELS])


def indices(numbers: tuple[int, int, int], palette: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(np.array(numbers, np.uint8)[LABELS], "P")
    image.putpalette([value for colour in palette for value in colour])
    return image


def transparent_index(path: Path) -> None:
    indices((0, 1, 2), [(255, 0, 255), RED, BLUE]).save(path, transparency=0)


def smooth_alpha(path: Path, *, premultiplied: bool = False, colour: int = 255) -> None:
    """As Photoshop (straight) and a compositor (premultiplied) save an antialiased shape."""
    alpha = cv2.GaussianBlur((LABELS > 0) * 255.0, (0, 0), 1.5)
    zero = np.zeros_like(alpha)
    red = alpha if premultiplied else np.full_like(alpha, colour)
    Image.fromarray(np.dstack([red, zero, zero, alpha]).round().astype(np.uint8)).save(path)


def saved(image: Image.Image | np.ndarray) -> Callable[[Path], None]:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    return lambda path: picture.save(path)


def opencv(values: np.ndarray) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(cv2.imencode(".png", values)[1].tobytes())


def by_ffmpeg(pixels: str, value: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        frame = ((LABELS > 0) * np.uint8(value)).tobytes()
        raw = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", "90x60", "-i", "pipe:0"]
        ffmpeg(*raw, "-frames:v", "1", "-pix_fmt", pixels, str(path), data=frame)

    return write


TWO, ONE = {1: 1, 2: 2}, {1: 1, 2: 1}
AS_APPEARS = {1: 2, 2: 1}  # object 2 is met first
BACKGROUND, SMOOTHED, COUNTED = "taken for the background", "smoothed edges", "are counted"
SOURCES = {  # what was written: by which id each object comes back, and what must be said
    "colours on white": (saved(colours(WHITE, RED, BLUE)), AS_APPEARS, f"white is {BACKGROUND}"),
    "colours on grey": (saved(colours((128,) * 3, RED, BLUE)), AS_APPEARS, BACKGROUND),
    "black and red on white": (saved(colours(WHITE, BLACK, RED)), AS_APPEARS, BACKGROUND),
    "black on white, grey": (saved(np.uint8([255, 0, 0])[LABELS]), ONE, BACKGROUND),
    "black on white, 1 bit": (saved(np.array([1, 0, 0], bool)[LABELS]), ONE, BACKGROUND),
    "black on white, 16 bits": (saved(np.uint16([65535, 0, 0])[LABELS]), ONE, BACKGROUND),
    "white on black, 1 bit": (saved(LABELS > 0), ONE, None),
    "index, transparent": (transparent_index, TWO, None),
    "index, black is 3": (
        saved(indices((3, 1, 2), [(9, 9, 9), RED, BLUE, BLACK])),
        TWO,
        None,
    ),
    "index, white is 0": (saved(indices((0, 1, 2), [WHITE, RED, BLUE])), TWO, None),
    "index, white is last": (
        saved(indices((2, 1, 0), [BLUE, RED, WHITE])),
        AS_APPEARS,
        f"white is {BACKGROUND}",
    ),
    "ids from 1": (saved(np.uint8([1, 2, 3])[LABELS]), {1: 2, 2: 3}, f"id 1 is {BACKGROUND}"),
    "straight alpha": (smooth_alpha, ONE, SMOOTHED),
    "straight alpha, black": (lambda path: smooth_alpha(path, colour=0), ONE, SMOOTHED),
    "premultiplied alpha": (lambda path: smooth_alpha(path, premultiplied=True), ONE, SMOOTHED),
    "black and red on nothing": (
        saved(colours((0, 0, 0, 0), (*BLACK, 255), (*RED, 255))),
        AS_APPEARS,
        None,
    ),
    "white on nothing": (saved(colours((255, 255, 255, 0), *2 * [(*WHITE, 255)])), ONE, None),
    "greys 128 and 255": (saved(np.uint8([0, 128, 255])[LABELS]), TWO, COUNTED),
    "greys 24 and 26": (saved(np.uint8([0, 24, 26])[LABELS]), TWO, COUNTED),
    "void": (saved(np.uint8([0, 1, 255])[LABELS]), {1: 1, 2: 0}, "void"),
    "16 bits of OpenCV": (opencv(np.uint16([0, 300, 600])[LABELS]), TWO, COUNTED),
    "ids in three channels of OpenCV": (opencv(np.dstack([LABELS] * 3)), TWO, None),
    "instanceIds of Cityscapes": (saved(np.uint16([0, 26000, 26001])[LABELS]), TWO, COUNTED),
    "color of Cityscapes": (
        saved(colours((0, 0, 0, 255), (0, 0, 142, 255), (220, 20, 60, 255))),
        AS_APPEARS,
        None,
    ),
    "float": (lambda path: saved((LABELS > 0).astype(np.float32))(path), ONE, None),
    "SegmentationClass of VOC": (saved(voc_palette()[LABELS]), TWO, None),
    "SegmentationObject of VOC with its void": (
        saved(indices((0, 1, 255), voc_palette().tolist())),
        {1: 1, 2: 0},
        "void",
    ),
    "VOC's table, no background": (
        saved(indices((1, 2, 3), voc_palette().tolist())),
        {0: 1, 1: 2, 2: 3},
        None,
    ),
    "VOC's table, an object all round": (
        saved(indices((1, 0, 2), voc_palette()[:3].tolist())),
        {0: 1, 1: 0, 2: 2},
        None,
    ),
    "brush of Label Studio": (saved(np.where(LABELS > 0, np.uint8(255), np.uint8(0))), ONE, None),
    "SegmentationClass of CVAT": (
        saved(colours(BLACK, (250, 50, 83), (51, 221, 255))),
        AS_APPEARS,
        None,
    ),
    "gray of ffmpeg": (by_ffmpeg("gray", 255), ONE, None),
    "gray16be of ffmpeg": (by_ffmpeg("gray16be", 255), ONE, None),
    "monob of ffmpeg": (by_ffmpeg("monob", 255), ONE, None),
    "pal8 of ffmpeg": (by_ffmpeg("pal8", 255), ONE, SMOOTHED),
    "one object everywhere": (saved(np.ones_like(LABELS)), {0: 1, 1: 1, 2: 1}, None),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_mask_as_it_was_meant(tmp_path: Path, name: str) -> None:
    write, ids, said = SOURCES[name]
    path = tmp_path / ("mask.tif" if name == "float" else "mask.png")
    write(path)
    mask = read_mask(path)
    expected = np.array([ids.get(i, 0) for i in range(3)], np.uint8)[LABELS]
    if said == SMOOTHED:
        assert (mask.labels == expected).mean() > 0.98
    else:
        np.testing.assert_array_equal(mask.labels, expected)
    assert len(mask.warnings) == (said is not None)
    assert all(said in text for text in mask.warnings if said)


@pytest.mark.parametrize("kind", ["thin frame", "large object"])
def test_a_white_object_at_the_edge_stays_an_object(tmp_path: Path, kind: str) -> None:
    white = np.zeros((60, 90), np.uint8)
    if kind == "thin frame":
        white[[0, -1]] = white[:, [0, -1]] = 255
    else:
        white[10:, 5:] = 255
    saved(white)(tmp_path / "m.png")
    mask = read_mask(tmp_path / "m.png")
    np.testing.assert_array_equal(mask.labels, white > 0)
    assert not mask.warnings


def test_a_colour_is_one_object_in_all_masks_of_a_video(tmp_path: Path) -> None:
    saved(colours(WHITE, RED, BLUE))(tmp_path / "0.png")
    saved(np.array([WHITE, BLUE, (0, 255, 0)], np.uint8)[LABELS])(tmp_path / "1.png")
    saved(np.full((60, 90, 3), RED, np.uint8))(tmp_path / "2.png")  # it fills the picture
    reader = MaskReader()
    blue, red, green = 1, 2, 3
    first, second, third = (reader.read(tmp_path / f"{i}.png").labels for i in range(3))
    np.testing.assert_array_equal(first, np.uint8([0, red, blue])[LABELS])
    np.testing.assert_array_equal(second, np.uint8([0, blue, green])[LABELS])
    assert (third == red).all()


@pytest.mark.parametrize(
    ("first", "second", "ids"),
    [
        ((12, 18), (12, 33), (12, 33)),  # ids by their looks, and such as would be counted alone
        ((12, 60), (12, 18), (1, 3)),  # the other way round
        ((3, 5), (5, 300), (5, 1)),
        ((300, 1000), (1000, 300), (2, 1)),
        ((1, 2), (255, 255), (1, 1)),  # white on black is one object: the first
    ],
)
def test_a_value_is_one_object_in_all_masks_of_a_video(
    tmp_path: Path, first: tuple[int, int], second: tuple[int, int], ids: tuple[int, int]
) -> None:
    reader = MaskReader()
    for name, values in (("0.png", first), ("1.png", second)):
        kind = np.uint16 if max(values) > 255 else np.uint8
        opencv(np.array([0, *values], kind)[LABELS])(tmp_path / name)
    before = reader.read(tmp_path / "0.png")
    for _ in range(2):  # masks are read once more when their frame comes
        mask = reader.read(tmp_path / "1.png")
        np.testing.assert_array_equal(mask.labels, np.uint8([0, *ids])[LABELS])
    assert not mask.warnings
    np.testing.assert_array_equal(reader.read(tmp_path / "0.png").labels, before.labels)


def test_indices_are_ids_after_counted_greys_too(tmp_path: Path) -> None:
    reader = MaskReader()
    saved(np.uint8([0, 100, 200])[LABELS])(tmp_path / "0.png")
    indices((0, 2, 1), [BLACK, RED, BLUE]).save(tmp_path / "1.png")  # a result, corrected
    np.testing.assert_array_equal(reader.read(tmp_path / "0.png").labels, LABELS)
    np.testing.assert_array_equal(
        reader.read(tmp_path / "1.png").labels, np.uint8([0, 2, 1])[LABELS]
    )


def test_a_later_mask_without_background_has_none(tmp_path: Path) -> None:
    for name, values in (("0", LABELS), ("1", np.maximum(LABELS, 1))):
        saved(values)(tmp_path / f"{name}.png")
    reader = MaskReader()
    reader.read(tmp_path / "0.png")
    np.testing.assert_array_equal(reader.read(tmp_path / "1.png").labels, np.maximum(LABELS, 1))


def test_masks_that_disagree_on_the_background_are_refused(tmp_path: Path, refuses) -> None:
    for name, values in (("0", LABELS + np.uint8(1)), ("1", LABELS)):
        saved(values)(tmp_path / f"{name}.png")
    reader = MaskReader()
    assert reader.read(tmp_path / "0.png").ids == (2, 3)
    assert reader.read(tmp_path / "0.png").ids == (2, 3)
    with refuses("id 0", "id 1"):
        reader.read(tmp_path / "1.png")


@pytest.mark.parametrize("name", ["m.webp", "m.tif"])
def test_other_formats_that_blur_are_refused(tmp_path: Path, refuses, name: str) -> None:
    picture = colours(BLACK, RED, BLUE)
    picture.save(tmp_path / name, **({"compression": "jpeg"} if name == "m.tif" else {}))
    with refuses("compression changes the values"):
        read_mask(tmp_path / name)
    picture.save(tmp_path / name, **({} if name == "m.tif" else {"lossless": True}))
    assert read_mask(tmp_path / name).ids == (1, 2)


def test_a_mask_as_a_player_shows_the_video_is_scaled_to_its_pixels(
    tmp_path: Path, refuses
) -> None:
    shown = np.kron(LABELS, np.ones((1, 2), np.uint8))  # pixels twice as wide as high
    saved(shown)(tmp_path / "m.png")
    mask = MaskReader((90, 60), shown=(180, 60)).read(tmp_path / "m.png")
    np.testing.assert_array_equal(mask.labels, LABELS)
    with refuses("180x60", "90x60"):
        read_mask(tmp_path / "m.png", (90, 60))


class TestIds:
    """The other way to read: what stands there, in every file alike."""

    def test_indices_are_ids_whatever_the_palette(self, tmp_path: Path) -> None:
        for palette in ([WHITE, RED, BLUE], [BLUE, RED, BLACK], [BLACK] * 3):
            indices((0, 1, 2), palette).save(tmp_path / "m.png")
            np.testing.assert_array_equal(read_ids(tmp_path / "m.png"), LABELS)

    def test_values_are_ids(self, tmp_path: Path) -> None:
        for name, image, expected in (
            ("grey", np.uint8([0, 7, 255])[LABELS], np.uint8([0, 7, 255])[LABELS]),
            ("three channels", np.dstack([LABELS] * 3), LABELS),
            ("one bit", LABELS > 0, LABELS > 0),
            ("VOC", voc_palette()[LABELS * 7], LABELS * 7),
            ("16 bits", LABELS.astype(np.uint16), LABELS),
        ):
            saved(image)(tmp_path / "m.png")
            np.testing.assert_array_equal(read_ids(tmp_path / "m.png"), expected, err_msg=name)

    def test_colours_tell_no_ids_but_that_there_is_something(self, tmp_path: Path) -> None:
        path = tmp_path / "m.png"
        saved(colours(BLACK, RED, BLUE))(path)
        with pytest.raises(InputError, match="colours do not tell"):
            read_ids(path)
        np.testing.assert_array_equal(read_ids(path, binary=True), LABELS > 0)
        saved(np.uint16([0, 300, 600])[LABELS])(path)
        with pytest.raises(InputError, match="numbers above 255"):
            read_ids(path)

    def test_the_size_is_checked(self, tmp_path: Path, refuses) -> None:
        write_mask(tmp_path / "m.png", LABELS)
        with refuses("90x60", "10x10"):
            read_ids(tmp_path / "m.png", (10, 10))
