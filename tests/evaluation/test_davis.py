from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mask_clips import moving, save
from PIL import Image
from vos_benchmark.benchmark import benchmark as vos_benchmark

from kmn_cli.errors import InputError
from kmn_cli.evaluation.benchmark import load_benchmark
from kmn_cli.evaluation.davis import score_masks
from kmn_cli.evaluation.method import Method, score_method
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.tables import sequence_rows

Labels = np.ndarray
MakeDavis = Callable[..., Path]


def evaluated(root: Path, results: Path, protocol: Protocol = Protocol.DAVIS2017) -> Method:
    return score_method(load_benchmark(root, protocol), "ours", results, workers=1)


def warnings(method: Method) -> str:
    return "\n".join(text for score in method.scores for text in score.warnings)


# DAVIS 2017


def test_first_and_last_frame_are_neither_scored_nor_read(davis: MakeDavis, results: Path) -> None:
    truth = moving(6, (1, 2))
    root = davis({"walk": truth}, {"walk": truth})
    for name in ("00000", "00005"):
        (results / "walk" / f"{name}.png").unlink()
    score = evaluated(root, results).scores[0]
    assert score.frames == ("00001", "00002", "00003", "00004")
    assert score.jf_mean == 1


def test_a_two_frame_sequence_has_nothing_to_score(davis: MakeDavis, results: Path) -> None:
    root = davis({"short": moving(2)}, {"short": moving(2)})
    with pytest.raises(InputError, match="short: nothing to score") as caught:
        evaluated(root, results)
    assert "--without short " in caught.value.hint


def test_objects_are_those_of_the_first_mask(davis: MakeDavis, results: Path) -> None:
    truth = moving(5, (1, 2))
    truth[2][40:46, 40:50] = 3  # appears later: ignored, and no error in the truth
    root = davis({"walk": truth}, {"walk": moving(5, (1, 2))})
    score = evaluated(root, results).scores[0]
    assert score.object_ids == (1, 2)
    assert score.jf_mean == 1


def test_a_gap_in_the_ids_is_an_object_that_is_never_there(davis: MakeDavis, results: Path) -> None:
    root = davis({"walk": moving(5, (1, 3))}, {"walk": moving(5, (1, 3))})
    method = evaluated(root, results)
    assert method.scores[0].object_ids == (1, 2, 3)
    assert "walk: the first mask has no pixel of ids 2. " in warnings(method)


def test_void_is_background(davis: MakeDavis, results: Path) -> None:
    truth, pred = moving(5), moving(5)
    for labels in truth:
        labels[30:40, 30:40] = 255
    root = davis({"walk": truth}, {"walk": pred})
    score = evaluated(root, results).scores[0]
    assert score.object_ids == (1,)
    assert score.jf_mean == 1


def test_an_id_that_is_too_high_is_an_error(davis: MakeDavis, results: Path) -> None:
    pred = moving(5, (1, 2))
    pred[3][0, 0] = 3
    root = davis({"walk": moving(5, (1, 2))}, {"walk": pred})
    with pytest.raises(InputError, match=r"walk/00003\.png: holds id 3.*2 objects"):
        evaluated(root, results)


def test_black_and_white_results_point_to_davis2016(davis: MakeDavis, results: Path) -> None:
    root = davis({"walk": moving(5)}, {"walk": [labels * 255 for labels in moving(5)]})
    with pytest.raises(InputError) as caught:
        evaluated(root, results)
    assert "davis2016" in caught.value.hint


def test_missing_objects_are_empty_with_a_warning(davis: MakeDavis, results: Path) -> None:
    root = davis({"walk": moving(5, (1, 2))}, {"walk": moving(5, (1,))})
    method = evaluated(root, results)
    assert [s.mean for s in method.scores[0].j_statistics] == [1, 0]
    assert "object 2" in warnings(method)


@pytest.mark.parametrize("colour", [(255, 0, 0), (255, 0, 0, 255), 300])
def test_values_that_tell_no_ids_are_named(
    davis: MakeDavis, results: Path, colour: tuple[int, ...] | int
) -> None:
    root = davis({"walk": moving(5)}, {"walk": moving(5)})
    values = moving(5)[2][..., None] * np.array(colour, np.uint16)
    image = values[..., 0] if colour == 300 else values.astype(np.uint8)
    Image.fromarray(image).save(results / "walk" / "00002.png")
    with pytest.raises(InputError, match=r"walk/00002\.png: its .* do not tell the ids"):
        evaluated(root, results)


def test_wrong_sizes_missing_and_broken_masks_are_all_told_at_once(
    davis: MakeDavis, results: Path
) -> None:
    clips = {name: moving(6) for name in ("small", "gone", "broken", "absent", "fine")}
    root = davis(clips, {name: clip for name, clip in clips.items() if name != "absent"})
    save(results / "small" / "00002.png", moving(6)[2][::2, ::2])
    (results / "gone" / "00003.png").unlink()
    (results / "broken" / "00004.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(InputError) as caught:
        evaluated(root, results)
    message = caught.value.message
    assert "small/00002.png: 32x24 pixels, but the ground truth is 64x48" in message
    assert "gone: 1 of 4 masks missing: 00003.png" in message
    assert "broken/00004.png cannot be read" in message
    assert "absent: 4 of 4 masks missing" in message
    assert "fine" not in message


def test_a_truncated_mask_is_an_error(davis: MakeDavis, results: Path) -> None:
    root = davis({"walk": moving(5)}, {"walk": moving(5)})
    path = results / "walk" / "00002.png"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"00002\.png"):
        evaluated(root, results)


def test_masks_of_no_frame_are_counted(davis: MakeDavis, results: Path) -> None:
    root = davis({"walk": moving(5)}, {"walk": moving(7)})
    assert "walk: 2 masks of no frame ignored: 00005.png, 00006.png" in warnings(
        evaluated(root, results)
    )


def test_averages_are_over_objects_not_sequences(davis: MakeDavis, results: Path) -> None:
    truth = {"one": moving(5, (1,)), "two": moving(5, (1, 2))}
    pred = {"one": moving(5, (1,)), "two": [np.zeros_like(labels) for labels in moving(5)]}
    method = evaluated(davis(truth, pred), results)
    assert method.summary.j.mean == pytest.approx(1 / 3)
    assert method.summary.j.recall == pytest.approx(1 / 3)
    assert [score.j_mean for score in method.scores] == [1, 0]


def test_many_processes_agree_with_one(davis: MakeDavis, results: Path) -> None:
    truth = {name: moving(5, (1, 2)) for name in "cab"}
    root = davis(truth, {name: moving(5, (1, 2), shift=2) for name in "cab"})
    one = evaluated(root, results)
    two = score_method(load_benchmark(root, Protocol.DAVIS2017), "ours", results, workers=2)
    assert [score.name for score in two.scores] == ["c", "a", "b"]  # the split's order
    for a, b in zip(one.scores, two.scores, strict=True):
        assert np.array_equal(a.j, b.j) and np.array_equal(a.f, b.f)


# DAVIS 2016


@pytest.mark.parametrize("value", [1, 7, 255])
@pytest.mark.parametrize("mode", ["P", "L", "1", "RGB"])
def test_2016_takes_whatever_is_not_black(
    davis: MakeDavis, results: Path, value: int, mode: str
) -> None:
    root = davis({"walk": [m * 255 for m in moving(5)]}, year=2016)
    for t, labels in enumerate(moving(5)):
        save(results / "walk" / f"{t:05d}.png", labels * (value if mode != "1" else 255), mode)
    score = evaluated(root, results, Protocol.DAVIS2016).scores[0]
    assert score.object_ids == (1,)
    assert score.jf_mean == 1


def test_2016_joins_several_objects_into_one(davis: MakeDavis, results: Path) -> None:
    root = davis({"walk": moving(5, (1, 2))}, {"walk": moving(5, (9, 255))}, year=2016)
    assert evaluated(root, results, Protocol.DAVIS2016).scores[0].jf_mean == 1


# Folders


def _folders(tmp_path: Path, truth: list[Labels], pred: list[Labels]) -> tuple[Path, Path]:
    for side, clip in (("truth", truth), ("pred", pred)):
        for t, labels in enumerate(clip):
            save(tmp_path / side / "walk" / f"{t:05d}.png", labels)
    return tmp_path / "truth", tmp_path / "pred"


def test_folders_agree_with_vos_benchmark(tmp_path: Path) -> None:
    truth, pred = moving(9, (2, 5)), moving(9, (2, 5), shift=3)
    folders = _folders(tmp_path, truth, pred)
    score = evaluated(*folders, Protocol.FOLDER).scores[0]
    with contextlib.redirect_stdout(io.StringIO()):
        *_, (objects,) = vos_benchmark([folders[0]], [folders[1]], num_processes=1, verbose=False)
    j, f = objects["walk"]
    assert score.object_ids == tuple(sorted(j))
    for k, object_id in enumerate(score.object_ids):
        assert score.j_statistics[k].mean == pytest.approx(j[object_id] / 100, abs=1e-6)
        assert score.f_statistics[k].mean == pytest.approx(f[object_id] / 100, abs=1e-6)


def test_folders_score_an_object_after_the_frame_that_gives_it(tmp_path: Path) -> None:
    truth = moving(9, (2, 5))
    for t in range(4, 9):
        truth[t][40:46, 5:25] = 8  # comes in the fifth frame
    truth[7][0, 0] = 9  # in the last but one: no frame is left to score it in
    for labels in truth[1:4]:
        labels[labels == 5] = 0  # hidden after it was given
    score = evaluated(*_folders(tmp_path, truth, moving(9, (2, 5))), Protocol.FOLDER).scores[0]
    assert score.object_ids == (2, 5, 8)
    assert score.frames == tuple(f"{t:05d}" for t in range(1, 8))
    assert np.array_equal(score.j[1], [0, 0, 0, 1, 1, 1, 1])
    assert np.array_equal(score.j[2], [np.nan] * 4 + [0] * 3, equal_nan=True)
    assert [row[0] for row in sequence_rows([score])] == ["walk_2", "walk_5", "walk_8"]


def test_black_and_white_folders_too(tmp_path: Path) -> None:
    truth = [labels * 255 for labels in moving(6)]
    for labels in truth[:2]:
        labels[:] = 0
    pred = [labels // 255 for labels in truth]
    score = evaluated(*_folders(tmp_path, truth, pred), Protocol.FOLDER).scores[0]
    assert np.array_equal(score.j, [[np.nan, np.nan, 1, 1]], equal_nan=True)


def test_folders_of_black_and_white_masks_are_one_object(tmp_path: Path) -> None:
    folders = _folders(tmp_path, [m * 255 for m in moving(5)], moving(5))
    score = evaluated(*folders, Protocol.FOLDER).scores[0]
    assert (score.object_ids, score.jf_mean) == ((1,), 1)


def test_folders_count_ids_that_the_truth_lacks(tmp_path: Path) -> None:
    pred = moving(6)
    pred[2][0, 0] = pred[3][0, 0] = 4
    method = evaluated(*_folders(tmp_path, moving(6), pred), Protocol.FOLDER)
    assert "walk: 2 masks with ids the truth lacks: 4" in warnings(method)


# In memory


def test_score_masks_leaves_out_both_ends() -> None:
    truth, pred = moving(4), moving(4)
    pred[0][:], pred[3][:] = 0, 0
    score = score_masks(iter(pred), iter(truth), (1,), "walk")
    assert score.jf_mean == 1
    assert score.j.shape == (1, 2)


def test_score_masks_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="not as many"):
        score_masks(moving(4), moving(5), (1,))
    with pytest.raises(InputError, match="nothing to score"):
        score_masks(moving(2), moving(2), (1,))
    with pytest.raises(InputError, match="against a ground truth"):
        score_masks([m[::2] for m in moving(4)], moving(4), (1,))
