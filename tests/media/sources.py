"""The table of sources: how each kind of file is made, and what it shows.

Every picture bears its number as a bar code, above a patch of known colour; a beep starts with
picture BEEP. A new kind of source is one line of SOURCES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from made_clips import ffmpeg
from PIL import Image

from kmn_cli.media.video import USUAL, Reading

SIZE = (64, 48)
COUNT, FPS, BEEP = 8, 12, 5
RED = (200, 40, 40)
GREY = (100, 100, 100)
EVEN = tuple(i / FPS for i in range(COUNT))
SLOW = tuple([i / 25 for i in range(4)] + [4 / 25 + i / 5 for i in range(4)])  # 25, then 5 a second


def picture(number: int, size: tuple[int, int] = SIZE, colour: Sequence[int] = RED) -> np.ndarray:
    """(H, W, 3) uint8: four bars tell the number, the lowest bit left; below lies the patch."""
    width, height = size
    image = np.full((height, width, 3), 60, np.uint8)
    for bit in range(4):
        middle, half = width * (2 * bit + 1) // 8, width // 12
        image[height // 12 : height // 3, middle - half : middle + half] = (
            255 if number >> bit & 1 else 0
        )
    image[height // 2 : height * 11 // 12, width // 8 : width * 7 // 8] = colour
    return image


def number_and_patch(image: np.ndarray) -> tuple[int, np.ndarray]:
    """Read a picture: its number, and the mean colour of its patch."""
    height, width = image.shape[:2]
    bars = [image[height * 5 // 24, width * (2 * bit + 1) // 8] for bit in range(4)]
    patch = image[height * 5 // 8 : height * 3 // 4, width * 3 // 8 : width * 5 // 8]
    number = sum(1 << bit for bit, bar in enumerate(bars) if bar.mean() > 110)
    return number, patch.reshape(-1, 3).mean(axis=0)


@dataclass(frozen=True)
class Source:
    """A kind of source.

    Attributes:
        name: of the file or the folder.
        make: writes it to a path.
        times: of the pictures, in seconds from the start of the source.
        numbers: of the pictures.
        colour: of the patch, as it must come out.
        shape: width of a pixel over its height.
        beep: whether there is sound: it begins with picture BEEP.
        said: a word of the reader's warnings; None is none.
        off: what the container allows times to be wrong by, in seconds.
        size: of the pictures, upright.
    """

    name: str
    make: Callable[[Path], None]
    times: Sequence[float] = EVEN
    numbers: Sequence[int] = tuple(range(COUNT))
    colour: Sequence[int] = RED
    shape: float = 1.0
    beep: bool = False
    said: str | None = None
    off: float = 5e-4
    size: tuple[int, int] = SIZE
    reading: Reading = USUAL


H264 = ("-c:v", "libx264", "-qp", "4", "-g", "4", "-pix_fmt", "yuv420p")
EXACT = ":flags=accurate_rnd+full_chroma_int+full_chroma_inp"
BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


def to_yuv(matrix: str = "bt709", levels: str = "tv") -> str:
    return f"scale=out_color_matrix={matrix}:out_range={levels}{EXACT}"


def full_range(image: np.ndarray, red: float, blue: float) -> np.ndarray:
    """(3, H, W) uint8: Y'CbCr of a matrix with these shares of red and blue, as ffmpeg does not
    make it: its own is one too low where all 256 levels are used."""
    rgb = image.astype(float)
    luma = rgb @ (red, 1 - red - blue, blue)
    blueness = 128 + (rgb[..., 2] - luma) / (2 - 2 * blue)
    redness = 128 + (rgb[..., 0] - luma) / (2 - 2 * red)
    return np.stack([luma, blueness, redness]).round().clip(0, 255).astype(np.uint8)


def ycgco(image: np.ndarray) -> np.ndarray:
    """(3, H, W) uint8: luma, greenness and orangeness in limited range."""
    matrix = np.array([[1, 2, 1], [-1, 2, -1], [2, 0, -2]]) / 4
    stored = image / 255 @ (matrix * [[219], [224], [224]]).T + (16, 128, 128)
    return stored.transpose(2, 0, 1).round().astype(np.uint8)


def video(
    *encode: str,
    filters: str = to_yuv(),
    size: tuple[int, int] = SIZE,
    colour: Sequence[int] = RED,
    numbers: Sequence[int] = tuple(range(COUNT)),
    fps: str = str(FPS),
    beep: float | None = None,
    before: Sequence[str] = (),
    sound: Sequence[str] = ("-c:a", "aac"),
    pixels: str = "rgb24",
    store: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> Callable[[Path], None]:
    """A maker of video files. `beep` is when the sound's beep begins, in its own time; `store`
    turns a picture into what ffmpeg calls `pixels`."""

    def make(path: Path) -> None:
        data = b"".join(store(picture(number, size, colour)).tobytes() for number in numbers)
        source = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{size[0]}x{size[1]}"]
        source += [*before, "-framerate", fps, "-i", "pipe:0"]
        if beep is not None:
            tone = f"aevalsrc='0.6*sin(2*PI*880*t)*between(t,{beep},{beep + 0.15})':d={beep + 0.5}"
            source += ["-f", "lavfi", "-i", tone, *sound]
        ffmpeg(*source, "-vf", filters, *(encode or (*H264, *BT709)), str(path), data=data)

    return make


def then(make: Callable[[Path], None], *steps: Callable[[Path, Path], None]) -> Callable:
    """A maker that works on what another one made."""

    def run(path: Path) -> None:
        current = path.with_name(f"made-{path.name}")
        make(current)
        for i, step in enumerate(steps, 1):
            target = path if i == len(steps) else path.with_name(f"step{i}-{path.name}")
            step(current, target)
            current = target

    return run


def remade(*arguments: str, before: Sequence[str] = ()) -> Callable[[Path, Path], None]:
    """A step that copies streams."""
    return lambda old, new: ffmpeg(*before, "-i", str(old), *arguments, str(new)) and None


def untagged(old: Path, new: Path) -> None:
    tags = "h264_metadata=matrix_coefficients=2:colour_primaries=2:transfer_characteristics=2"
    ffmpeg("-i", str(old), "-c", "copy", "-bsf:v", tags, str(new))


def tagged(matrix: int, primaries: int, transfer: int) -> tuple[str, ...]:
    names = f"matrix_coefficients={matrix}:colour_primaries={primaries}"
    return ("-bsf:v", f"h264_metadata={names}:transfer_characteristics={transfer}")


def joined(first: Callable, second: Callable) -> Callable[[Path], None]:
    """A maker of two broadcasts in one file, whose times begin anew."""

    def make(path: Path) -> None:
        parts = [path.with_name(f"{i}-{path.name}") for i in range(2)]
        first(parts[0])
        second(parts[1])
        path.write_bytes(b"".join(part.read_bytes() for part in parts))

    return make


def cut_in_group(path: Path) -> None:
    """A recording of a broadcast that begins between two key frames."""
    whole = path.with_name(f"whole-{path.name}")
    video(*H264[:4], "-g", "5", "-bf", "0", "-pix_fmt", "yuv420p", *BT709, beep=BEEP / FPS)(whole)
    data = whole.read_bytes()
    path.write_bytes(data[188 * (len(data) // 188 // 4) :])


def pictures(save: Callable[[np.ndarray, Path], None], suffix: str) -> Callable[[Path], None]:
    """A maker of a folder of frames."""

    def make(path: Path) -> None:
        path.mkdir()
        for number in range(COUNT):
            save(picture(number), path / f"{number:05d}{suffix}")

    return make


def stack(**options: object) -> Callable[[Path], None]:
    """A maker of one file of several pictures."""

    def make(path: Path) -> None:
        images = [Image.fromarray(picture(number)) for number in range(COUNT)]
        images[0].save(path, save_all=True, append_images=images[1:], **options)

    return make


def by_ffmpeg(suffix: str, *options: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.mkdir()
        video(*options, "-start_number", "0", filters="null")(path / f"%05d{suffix}")

    return make


def grey(image: np.ndarray, top: int) -> np.ndarray:
    return image[..., 1].astype(np.uint16) * (top // 255)


def exif(image: np.ndarray, path: Path) -> None:
    tag = Image.Exif()
    tag[0x0112] = 6
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(image)))
    turned.save(path, exif=tag, quality=100, subsampling=0)


def cv2_16(image: np.ndarray, path: Path) -> None:
    cv2.imwrite(str(path), image[..., ::-1].astype(np.uint16) * 257)


def pil(convert: Callable[[np.ndarray], np.ndarray | Image.Image], **options: object) -> Callable:
    def save(image: np.ndarray, path: Path) -> None:
        made = convert(image)
        (Image.fromarray(made) if isinstance(made, np.ndarray) else made).save(path, **options)

    return save


G = (40, 40, 40)
SLOWER = f"settb=1/1000,setpts='if(lt(N,4),N/25,4/25+(N-4)/5)/TB',{to_yuv()}"
VFR = (*H264, *BT709, "-fps_mode", "passthrough", "-enc_time_base", "1:1000")
B5 = BEEP / FPS
FIRST, LAST = tuple(range(4)), tuple(range(4, 8))
TS = (*H264, *BT709)
SD601 = video(*H264, filters=to_yuv("bt601"))
LATE = tuple(1 + t for t in EVEN)
AT_12 = Reading(fps=FPS)

SOURCES = [
    # Times.
    Source("plain.mp4", video(beep=B5), beep=True),
    Source("variable.mp4", video(*VFR, filters=SLOWER, beep=SLOW[BEEP]), times=SLOW, beep=True),
    Source("variable.mkv", video(*VFR, filters=SLOWER, beep=SLOW[BEEP]), times=SLOW, beep=True),
    Source("ntsc.mkv", video(fps="30000/1001"), times=[i * 1.001 / 30 for i in range(COUNT)]),
    Source("ntsc.mp4", video(fps="24000/1001"), times=[i * 1.001 / 24 for i in range(COUNT)]),
    Source("late.mkv", video(beep=1 + B5, before=("-itsoffset", "1")), times=LATE, beep=True),
    Source("late.mp4", video(beep=1 + B5, before=("-itsoffset", "1")), times=LATE, beep=True),
    Source(
        "edit-list.mp4",
        then(video(beep=B5), remade("-c", "copy", before=("-ss", str(2 / FPS)))),
        times=EVEN[:-2],
        numbers=range(2, 8),
        beep=True,
    ),
    Source("broadcast.ts", video(*TS, "-output_ts_offset", "3600", beep=B5), beep=True,
           times=[0.02322 + t for t in EVEN]),  # the sound begins with what its coder needs
    Source("cut.ts", cut_in_group, times=[0.43989 + t for t in EVEN[:3]], numbers=(5, 6, 7),
           beep=True),
    Source("pcm.mov", video(beep=B5, sound=("-c:a", "pcm_s16be")), beep=True),
    Source("opus.webm", video("-c:v", "libvpx-vp9", "-crf", "10", "-b:v", "0", "-pix_fmt",
           "yuv420p", *BT709, beep=B5, sound=("-c:a", "libopus")), beep=True),
    Source("b-frames.avi", video("-c:v", "mpeg4", "-q:v", "1", "-bf", "2", filters=to_yuv("bt601")),
           times=[1 / FPS + t for t in EVEN]),  # such files tell times of decoding
    Source("bare.h264", video(*H264, *BT709, fps="25"), times=[i / 25 for i in range(COUNT)]),
    Source("flash.flv", video(*H264, *BT709), times=EVEN),
    Source("mjpeg.avi", video("-c:v", "mjpeg", "-qmin", "1", "-q:v", "1", pixels="yuvj444p",
           filters="null", store=lambda image: full_range(image, 0.299, 0.114))),
    # What changes on the way.
    Source("size.ts", joined(video(*TS, numbers=FIRST), video(*TS, numbers=LAST, size=(96, 72))),
           said="96x72"),
    Source("tags.ts", joined(video(*TS, numbers=FIRST), video(*H264, *tagged(6, 6, 6),
           numbers=LAST, filters=to_yuv("bt601"))), said="colour tags"),
    Source("sar.ts", joined(video(*TS, numbers=FIRST), video(*TS, numbers=LAST,
           filters=f"{to_yuv()},setsar=4/3")), said="shape"),
    # Shapes and turns.
    Source("anamorphic.mp4", video(filters=f"{to_yuv()},setsar=4/3"), shape=4 / 3),
    Source("phone.mp4", then(video(filters=f"transpose=cclock,{to_yuv()}"),
           remade("-c", "copy", before=("-display_rotation", "-90")))),
    Source("upside-down.mp4", then(video(filters=f"hflip,vflip,{to_yuv()}"),
           remade("-c", "copy", before=("-display_rotation", "180")))),
    Source("mirrored.mp4", then(video(filters=f"hflip,{to_yuv()}"),
           remade("-c", "copy", before=("-display_hflip",)))),
    Source("phone-anamorphic.mp4", then(video(filters=f"transpose=cclock,{to_yuv()},setsar=3/4"),
           remade("-c", "copy", before=("-display_rotation", "-90"))), shape=4 / 3),
    Source("odd.mkv", video("-c:v", "ffv1", "-pix_fmt", "bgr0", filters="null", size=(65, 49)),
           size=(65, 49)),
    Source("interlaced.ts", video(*H264, *BT709, "-flags", "+ilme+ildct",
           filters=f"{to_yuv()},setfield=tff"), said="interlaced"),
    # Colours.
    Source("untagged-sd.mp4", then(SD601, untagged)),
    Source("untagged-hd.mp4", then(video(*H264, size=(64, 720)), untagged), size=(64, 720)),
    Source("bt601.mp4", video(*H264, *tagged(6, 6, 6), filters=to_yuv("bt601"))),
    Source("full.mp4", video("-c:v", "libx264", "-qp", "1", "-pix_fmt", "yuvj420p", *BT709,
           pixels="yuvj444p", filters="setparams=colorspace=bt709:range=pc",
           store=lambda image: full_range(image, 0.2126, 0.0722))),
    Source("ycgco.mp4", video("-c:v", "libx264", "-qp", "1", "-pix_fmt", "yuv444p",
           "-colorspace", "ycgco", pixels="yuv444p", filters="setparams=colorspace=ycgco:range=tv",
           store=ycgco)),
    Source("ictcp.mp4", video(*H264, *tagged(14, 1, 1), filters=to_yuv("bt601")),
           said="matrix 14"),
    Source("rgb.mp4", video("-c:v", "libx264rgb", "-qp", "4", filters="null")),
    Source("bgr.avi", video("-c:v", "rawvideo", "-pix_fmt", "bgr24", filters="null")),
    Source("ten-bit.mp4", video("-c:v", "libx265", "-x265-params", "log-level=none", "-qp", "4",
           "-pix_fmt", "yuv420p10le", *BT709)),
    Source("twelve-bit.mkv", video("-c:v", "ffv1", "-pix_fmt", "yuv444p12le", *BT709)),
    Source("sixteen-bit.mkv", video("-c:v", "ffv1", "-pix_fmt", "gbrp16le", filters="null")),
    Source("prores.mov", video("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt",
           "yuva444p10le", *BT709)),
    Source("grey.mkv", video("-c:v", "ffv1", "-pix_fmt", "gray", filters="null", colour=GREY),
           colour=GREY),
    Source("pq.mp4", video(*H264, *tagged(9, 9, 16), filters=to_yuv("bt2020"), colour=(148,) * 3),
           colour=(233,) * 3, said="HDR"),
    Source("hlg.mp4", video(*H264, *tagged(9, 9, 18), filters=to_yuv("bt2020"), colour=(191,) * 3),
           colour=(233,) * 3, said="HDR"),
    # One file of several pictures.
    Source("animated.gif", stack(duration=80, loop=0), times=[i * 0.08 for i in range(COUNT)]),
    Source("animated.webp", stack(duration=80, lossless=True), [i * 0.08 for i in range(COUNT)]),
    Source("animated.png", stack(duration=[40] * 4 + [200] * 4), times=SLOW),
    Source("animated.avif", stack(duration=80, quality=100, subsampling="4:4:4"),
           [i * 0.08 for i in range(COUNT)]),
    Source("pages.tif", stack(), times=[i / 24 for i in range(COUNT)]),
    Source("deep-pages.tif", lambda path: stack_16(path), times=[i / 24 for i in range(COUNT)],
           colour=G, said="white"),
    # Folders.
    Source("jpg", pictures(pil(Image.fromarray, quality=100, subsampling=0), ".jpg"),
           reading=AT_12),
    Source("exif", pictures(exif, ".jpg"), reading=AT_12),
    Source("cmyk", pictures(pil(lambda a: Image.fromarray(a).convert("CMYK"), quality=100,
           subsampling=0), ".jpg"), reading=AT_12),
    Source("grey16", pictures(pil(lambda a: grey(a, 65535)), ".png"), reading=AT_12,
           colour=G, said="white"),
    Source("grey12in16", pictures(pil(lambda a: grey(a, 4095)), ".png"), reading=AT_12,
           colour=G, said="white"),
    Source("float1", pictures(pil(lambda a: (a[..., 1] / 255).astype(np.float32)), ".tif"),
           reading=AT_12, colour=G, said="white"),
    Source("float255", pictures(pil(lambda a: a[..., 1].astype(np.float32)), ".tif"),
           reading=AT_12, colour=G, said="white"),
    Source("int32", pictures(pil(lambda a: a[..., 1].astype(np.int32) * 16), ".tif"),
           reading=AT_12, colour=G, said="white"),
    Source("rgb16", pictures(cv2_16, ".png"), reading=AT_12, said="white"),
    Source("tif16", pictures(cv2_16, ".tif"), reading=AT_12, said="white"),
    Source("dpx", by_ffmpeg(".dpx", "-pix_fmt", "gbrp10be"), reading=AT_12),
    Source("exr", by_ffmpeg(".exr", "-pix_fmt", "gbrpf32le", "-c:v", "exr"),
           reading=AT_12, colour=(229, 110, 110)),  # light, by the curve of sRGB
]  # fmt: skip


def stack_16(path: Path) -> None:
    """Pages of 12 bits in 16, as microscopes write them."""
    pages = [Image.fromarray(grey(picture(number), 4095)) for number in range(COUNT)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
