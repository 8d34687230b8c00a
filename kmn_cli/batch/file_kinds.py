"""What a file in a folder of videos is: a video, or why it is none."""

from __future__ import annotations

from pathlib import Path

from kmn_cli.errors import KmnError
from kmn_cli.files import is_image
from kmn_cli.media.samples import pages_of
from kmn_cli.media.video import open_video

VIDEO_SUFFIXES = frozenset(
    (
        *(
            ".mp4",
            ".m4v",
            ".mov",
            ".qt",
            ".mkv",
            ".mk3d",
            ".webm",
            ".avi",
            ".divx",
            ".xvid",
            ".mpg",
        ),
        *(".mpeg", ".mpe", ".m1v", ".m2v", ".mpv", ".vob", ".ts", ".mts", ".m2t", ".m2ts", ".tp"),
        *(".trp", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".ogm", ".3gp", ".3gpp", ".3g2", ".mxf"),
        *(".gif", ".apng", ".y4m", ".dv", ".rm", ".rmvb", ".h264", ".264", ".avc", ".h265", ".265"),
        *(
            ".hevc",
            ".ivf",
            ".av1",
            ".obu",
            ".mjpeg",
            ".mjpg",
            ".nut",
            ".amv",
            ".nsv",
            ".wtv",
            ".lrv",
        ),
    )
)
# What is known to be something else need not be opened; ffmpeg takes some texts for videos.
_OTHERS = {
    "sound": ".wav .mp3 .m4a .aac .flac .opus .oga .wma .aif .aiff .ac3 .mid .midi",
    "a text": ".txt .md .rst .csv .tsv .log .nfo .asc .ans .ice .diz .vt .art .html .htm .pdf .py",
    "a sidecar file": ".json .xml .yaml .yml .toml .srt .vtt .ass .ssa .sub .idx .lrc .edl .thm "
    ".xmp .db .ini .part .md5 .sha256 .zip .tar .gz .npz .npy .safetensors .pth",
}
_OTHER_KINDS = {suffix: kind for kind, names in _OTHERS.items() for suffix in names.split()}
_MAY_MOVE = frozenset((".webp", ".avif", ".tif", ".tiff", ".png"))


def is_video_name(path: Path) -> bool:
    """Tell from its name alone whether a file is a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def why_no_video(path: Path) -> str | None:
    """Say why a file is no video; None where it is one, also if it should turn out damaged."""
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return None
    if suffix in _OTHER_KINDS:
        return f"not a video but {_OTHER_KINDS[suffix]}"
    if is_image(path):
        return None if is_animated(path) else "not a video but a picture"
    try:
        with open_video(path):
            return None
    except KmnError:
        return "not a video: none can be found in it"


def is_animated(path: Path) -> bool:
    """Whether a picture file holds several: a WebP, AVIF or PNG that moves, or a stack of TIFF."""
    return path.suffix.lower() in _MAY_MOVE and pages_of(path) > 1
