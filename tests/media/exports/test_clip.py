from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_clips import square_image
from PIL import Image
from two_objects import two_objects

from kmn_cli.errors import InputError
from kmn_cli.media.exports.clip import Clip
from kmn_cli.media.masks import write_mask
from kmn_cli.media.palette import voc_palette

Load = Callable[..., Clip]


def test_masks_stand_beside_their_frames(result: Path, load: Load) -> None:
    frames = list(load(result).frames(pixels=True))
    assert [frame.index for frame in frames] == list(range(10))
    for frame in frames:
        np.testing.assert_array_equal(frame.labels, two_objects(frame.index))
        assert frame.image is not None and frame.alpha is not None
        assert np.abs(frame.image.astype(int) - square_image(frame.index)).mean() < 8
        np.testing.assert_array_equal(frame.alpha, np.where(frame.labels > 0, 255, 0))


def test_only_the_chosen_objects_are_there(result: Path, load: Load) -> None:
    clip = load(result, objects=(3, 7))
    assert clip.object_ids == (3,)
    assert set(np.unique(next(clip.frames()).labels)) == {0, 3}
    with pytest.raises(InputError, match="has none of the objects 7"):
        load(result, objects=(7,))


def test_every_second_frame_takes_as_long(result: Path, load: Load) -> None:
    clip = load(result).every(2)
    assert [frame.name for frame in clip.frames(pixels=True)] == [
        f"{i:05d}" for i in (0, 2, 4, 6, 8)
    ]
    assert clip.fps == pytest.approx(12.5)


def test_probabilities_give_a_soft_edge(result: Path, load: Load) -> None:
    soft = np.full((48, 64), 100, np.uint8)
    for object_id in (1, 3):
        folder = result / "soft" / str(object_id)
        folder.mkdir(parents=True)
        Image.fromarray(soft).save(folder / "00000.png")
    both = next(load(result).frames(pixels=True))
    one = next(load(result, objects=(1,)).frames(pixels=True))
    assert both.alpha is not None and (both.alpha == 200).all()
    assert one.alpha is not None and (one.alpha == 100).all()


@pytest.mark.parametrize("first", [0, 1])
def test_other_tools_may_count_from_one(tmp_path: Path, clip: Path, load: Load, first: int) -> None:
    for index in range(10):
        write_mask(tmp_path / "m" / f"mask_{index + first}.png", two_objects(index))
    assert load(tmp_path / "m", clip).indices == tuple(range(10))


def test_pictures_are_found_by_name(tmp_path: Path, load: Load) -> None:
    (tmp_path / "frames").mkdir()
    for name in ("00000", "00005", "00010", "00015"):
        Image.fromarray(square_image(0)).save(tmp_path / "frames" / f"{name}.png")
    for name in ("00005", "00010"):
        write_mask(tmp_path / "m" / f"{name}.png", two_objects(0))
    assert load(tmp_path / "m", tmp_path / "frames").indices == (1, 2)


def test_masks_that_do_not_fit_their_source_are_refused(
    tmp_path: Path, clip: Path, load: Load
) -> None:
    for name in ("a", "b"):
        write_mask(tmp_path / "m" / f"{name}.png", two_objects(0))
    with pytest.raises(InputError, match="names do not tell the frames"):
        load(tmp_path / "m", clip)
    write_mask(tmp_path / "small" / "0.png", two_objects(0)[:40])
    with pytest.raises(InputError, match="is 64x48, but its masks are 64x40"):
        load(tmp_path / "small", clip)
    write_mask(tmp_path / "late" / "00000.png", two_objects(0))
    write_mask(tmp_path / "late" / "00012.png", two_objects(0))
    with pytest.raises(InputError, match="before frame 12"):
        list(load(tmp_path / "late", clip).frames(pixels=True))


def _save(path: Path, values: np.ndarray, mode: str) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(values, mode).save(path)


def test_black_and_white_is_one_object_and_255_among_ids_is_void(
    tmp_path: Path, load: Load
) -> None:
    white = np.zeros((8, 8), np.uint8)
    white[2:6, 2:6] = 255
    _save(tmp_path / "bw" / "0.png", white, "L")
    _save(tmp_path / "bw" / "1.png", white * 0, "L")
    assert [frame.labels.max() for frame in load(tmp_path / "bw").frames()] == [1, 0]
    ids = white.copy()
    ids[0] = 2
    _save(tmp_path / "ids" / "0.png", white, "L")  # alone, it would be taken for an object
    _save(tmp_path / "ids" / "1.png", ids, "L")
    clip = load(tmp_path / "ids")
    assert clip.object_ids == (2,)
    assert [frame.labels.max() for frame in clip.frames()] == [0, 2]


def test_greys_are_ids_in_every_frame(tmp_path: Path, load: Load) -> None:
    first = np.zeros((8, 8), np.uint8)
    first[:4], first[4:] = 50, 100
    _save(tmp_path / "m" / "0.png", first, "L")
    _save(tmp_path / "m" / "1.png", np.where(first == 50, 0, first).astype(np.uint8), "L")
    assert [frame.labels.max() for frame in load(tmp_path / "m").frames()] == [100, 100]


def test_colours_tell_ids_only_by_the_known_palette(tmp_path: Path, load: Load) -> None:
    labels = np.zeros((16, 16), np.uint8)
    labels[:8] = 2
    _save(tmp_path / "voc" / "0.png", voc_palette()[labels], "RGB")
    assert load(tmp_path / "voc").object_ids == (2,)
    free = np.array([[0, 0, 0], [0, 0, 0], [10, 200, 30]], np.uint8)
    free[1] = (200, 10, 30)
    labels[8:] = 1
    _save(tmp_path / "free" / "0.png", free[labels], "RGB")
    with pytest.raises(InputError, match="do not tell the ids"):
        load(tmp_path / "free")


def test_masks_without_objects_are_refused(tmp_path: Path, load: Load) -> None:
    write_mask(tmp_path / "m" / "0.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="no mask marks an object"):
        load(tmp_path / "m")
