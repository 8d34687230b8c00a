"""What must hold of every kind of source, for all who read and write videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from sources import BEEP, SOURCES, Source, number_and_patch

from kmn_cli.media.exports.clip import make_clip
from kmn_cli.media.exports.found import find_mask_folders
from kmn_cli.media.exports.videos import write_alpha, write_overlay
from kmn_cli.media.result_formats import open_sinks
from kmn_cli.media.video import USUAL, VideoReader, open_video

START = 2


def check(
    source: Source, reader: VideoReader, numbers: Sequence[int], times: Sequence[float]
) -> None:
    """The reader gives these pictures, at these times, in the colour that is meant."""
    frames = list(reader)
    seen = [number_and_patch(frame.image[: source.size[1], : source.size[0]]) for frame in frames]
    assert [number for number, _ in seen] == list(numbers)
    assert np.abs(np.subtract([frame.time for frame in frames], times)).max() <= source.off
    assert np.abs(np.subtract([patch for _, patch in seen], source.colour)).max() <= 2
    assert float(reader.info.shape) == pytest.approx(source.shape, rel=1e-3)


def beep(path: Path) -> float:
    """When the beep begins, in seconds from the first picture."""
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().astype(float)
            loud = np.abs(samples[0] if frame.format.is_planar else samples.reshape(-1)) > (
                0.1 if samples.max() <= 2 else 3000
            )
            if loud.any():
                channels = 1 if frame.format.is_planar else frame.layout.nb_channels
                return frame.time + np.argmax(loud) / channels / frame.rate - picture
    raise AssertionError("there is no beep")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_picture_at_its_time_in_its_colour(source: Source, tmp_path: Path) -> None:
    path = tmp_path / source.name
    source.make(path)
    numbers, times = list(source.numbers), np.array(source.times)
    reader = open_video(path, reading=source.reading)
    info = reader.info
    assert (info.width, info.height) == source.size and info.frames == len(numbers)
    check(source, reader, numbers, times)
    said = " ".join(reader.warnings)
    assert source.said in said if source.said else not said
    assert "damaged" not in said

    for place in (f"{START}f", f"{times[START]:.4f}"):
        check(
            source,
            open_video(path, start=place, reading=source.reading),
            numbers[START:],
            times[START:],
        )

    for name, first in (("whole", 0), ("late", START)):
        out = tmp_path / "out" / name
        with open_video(path, start=f"{first}f", reading=source.reading) as frames:
            made = [*open_sinks(("masks", "overlay", "alpha"), out, frames.info, None, lambda: [1])]
            for sink in made:
                sink.__enter__()
            for frame in frames:
                labels = np.zeros(frame.image.shape[:2], np.uint8)
                labels[:2, :2] = 1
                for sink in made:
                    sink.write(frame.index, frame, labels, None)
            for sink in made:
                sink.__exit__(None, None, None)
                assert sink.warnings == []
        shown = times[first:] - times[first]
        written = ["overlay.mp4", "alpha.mov"]
        if source.reading == USUAL:
            (folder,) = find_mask_folders([out])
            clip = make_clip(folder, path)
            write_overlay(clip, out / "export.mp4")
            written.append("export.mp4")
            if source.shape != 1:
                write_alpha(clip, out / "export.webm")
                wide = open_video(out / "export.webm").info.shape
                assert float(wide) == pytest.approx(source.shape, rel=1e-2)  # whole pixels
        for file in written:
            check(source, open_video(out / file), numbers[first:], shown)
            if source.beep and BEEP in numbers[first:]:
                due = times[numbers.index(BEEP)] - times[first]
                assert beep(out / file) == pytest.approx(due, abs=0.03)
