from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from made_clips import square_image, square_labels
from PIL import Image

from kmn_cli.media.labels import read_mask
from kmn_cli.media.palette import voc_palette
from kmn_cli.media.result_formats import open_sinks
from kmn_cli.media.sinks import Sink, draw_overlay
from kmn_cli.media.video import VideoInfo, open_video


def soft(labels: np.ndarray) -> np.ndarray:
    """Probabilities that favour the labels by 0.8 to 0.2."""
    return np.stack([np.where(labels, 51, 204), np.where(labels, 204, 51)]).astype(np.uint8)


def run(formats: list[str], source: Path, out: Path, object_id: int = 1) -> list[Sink]:
    with open_video(source) as reader, ExitStack() as stack:
        sinks = open_sinks(formats, out, reader.info, None, lambda: (object_id,))
        for sink in sinks:
            stack.enter_context(sink)
        for frame in reader:
            labels = square_labels(frame.index) * np.uint8(object_id)
            prob = soft(labels) if frame.index else None
            for sink in sinks:
                sink.write(frame.index, frame, labels, prob)
    return sinks


def test_masks_are_index_pngs_named_by_frame(clip: Path, tmp_path: Path) -> None:
    run(["masks"], clip, tmp_path, object_id=7)
    names = sorted(path.name for path in (tmp_path / "masks").iterdir())
    assert names == [f"{i:05d}.png" for i in range(10)]
    mask = read_mask(tmp_path / "masks" / "00004.png", (64, 48))
    assert np.array_equal(mask.labels, square_labels(4) * 7)
    assert mask.palette == voc_palette().tobytes()


def test_masks_take_the_names_of_a_folders_frames(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(square_image(0)).save(tmp_path / "in" / "shot 7.png")
    run(["masks"], tmp_path / "in", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out" / "masks").iterdir()] == ["shot 7.png"]


def test_overlay_keeps_frames_rate_and_sound(clip: Path, tmp_path: Path) -> None:
    (sink,) = run(["overlay"], clip, tmp_path)
    reader = open_video(tmp_path / "overlay.mp4")
    frames = list(reader)
    assert len(frames) == 10 and reader.info.fps == 25 and reader.info.has_audio
    assert sink.warnings == []
    expected = draw_overlay(square_image(5), square_labels(5))
    assert np.abs(frames[5].image.astype(int) - expected).mean() < 8


def test_soft_maps_are_probabilities(clip: Path, tmp_path: Path) -> None:
    run(["soft"], clip, tmp_path, object_id=3)
    first = np.asarray(Image.open(tmp_path / "soft" / "3" / "00000.png"))
    later = np.asarray(Image.open(tmp_path / "soft" / "3" / "00001.png"))
    assert np.array_equal(first, square_labels(0) * 255)
    assert np.array_equal(later, np.where(square_labels(1), 204, 51))


def test_objects_that_come_later_have_no_soft_map_before(tmp_path: Path) -> None:
    info = VideoInfo(tmp_path, 64, 48, 25, 1, False, True)
    (tmp_path / "in").mkdir()
    Image.fromarray(square_image(0)).save(tmp_path / "in" / "0.png")
    (frame,) = open_video(tmp_path / "in")
    (sink,) = open_sinks(["soft"], tmp_path, info, None, lambda: (1, 2))
    with sink:
        sink.write(0, frame, square_labels(0), soft(square_labels(0)))
    assert [path.name for path in (tmp_path / "soft").iterdir()] == ["1"]


def test_cutout_is_straight_alpha_over_the_frames_colours(clip: Path, tmp_path: Path) -> None:
    run(["cutout"], clip, tmp_path)
    image = Image.open(tmp_path / "cutout" / "00000.png")
    assert image.mode == "RGBA"
    rgba = np.asarray(image)
    inside = square_labels(0) > 0
    assert (rgba[~inside] == 0).all() and (rgba[inside][:, 3] == 255).all()
    first = next(iter(open_video(clip))).image
    assert np.array_equal(rgba[inside][:, :3], first[inside])
    later = np.asarray(Image.open(tmp_path / "cutout" / "00001.png"))
    assert set(np.unique(later[..., 3])) == {51, 204}


def test_alpha_is_a_video_for_editing(clip: Path, tmp_path: Path) -> None:
    run(["alpha"], clip, tmp_path)
    reader = open_video(tmp_path / "alpha.mov")
    assert len(list(reader)) == 10 and reader.info.fps == 25


def test_all_formats_together_in_the_order_asked(clip: Path, tmp_path: Path) -> None:
    formats = ["overlay", "masks", "soft", "cutout", "alpha", "masks"]
    sinks = run(formats, clip, tmp_path)
    assert len(sinks) == 5
    assert [sink.wants_soft for sink in sinks] == [False, False, True, True, True]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["alpha.mov", "cutout", "masks", "overlay.mp4", "soft"]


def test_unknown_format_lists_the_known(tmp_path: Path, refuses) -> None:
    info = VideoInfo(tmp_path, 64, 48, 25, 1, False, True)
    with refuses("gif", "cutout", exit_code=2):
        open_sinks(["masks", "gif"], tmp_path, info, None, tuple)


def test_an_interrupted_run_keeps_pictures_and_leaves_no_half_video(
    clip: Path, tmp_path: Path
) -> None:
    with open_video(clip) as reader:
        sinks = open_sinks(["masks", "overlay"], tmp_path, reader.info, None, tuple)
        with pytest.raises(KeyboardInterrupt), ExitStack() as stack:
            for sink in sinks:
                stack.enter_context(sink)
            for frame in reader:
                for sink in sinks:
                    sink.write(frame.index, frame, square_labels(frame.index), None)
                if frame.index == 3:
                    raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]
    assert len(list((tmp_path / "masks").iterdir())) == 4


def test_overlay_mixes_colour_and_image_with_a_dark_contour() -> None:
    image = np.full((20, 30, 3), 100, np.uint8)
    labels = np.zeros((20, 30), np.uint8)
    labels[5:15, 5:15] = 1
    labels[5:15, 15:25] = 2
    drawn = draw_overlay(image, labels)
    assert (image == 100).all()
    assert (drawn[labels == 0] == 100).all()
    assert tuple(drawn[10, 10]) == (round(0.6 * 128 + 40), 40, 40)
    assert tuple(drawn[10, 20]) == (40, round(0.6 * 128 + 40), 40)
    for y, x in ((5, 10), (14, 10), (10, 5), (10, 15), (10, 24)):
        assert not drawn[y, x].any()
    assert drawn[10, 14].any() and drawn[10, 16].any()


def test_overlay_of_a_mask_at_the_frames_edge_has_no_contour_there() -> None:
    labels = np.ones((6, 8), np.uint8)
    assert draw_overlay(np.zeros((6, 8, 3), np.uint8), labels)[..., 0].min() == round(0.6 * 128)


def test_overlay_takes_the_masks_palette() -> None:
    palette = bytes([0, 0, 0, 10, 200, 30]) + bytes(762)
    drawn = draw_overlay(np.zeros((6, 8, 3), np.uint8), np.ones((6, 8), np.uint8), palette)
    assert tuple(drawn[3, 4]) == (6, 120, 18)


def test_overlay_without_objects_is_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8)
    assert np.array_equal(draw_overlay(image, np.zeros((6, 8), np.uint8)), image)
