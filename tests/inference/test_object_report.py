"""What the report sees, and how it says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from kmn_cli.inference.object_report import ObjectReport, failures, first_failure
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import VideoSegmenter
from kmn_cli.media.frames import Frame
from kmn_cli.model import KMN, KMNConfig

SIZE = (60, 80)


def boxes(*places: tuple[int, int, int] | None) -> list[np.ndarray]:
    """Labels with a square of object 5 at x, y with a side; None is nowhere."""
    found = []
    for place in places:
        labels = np.zeros(SIZE, np.uint8)
        if place is not None:
            x, y, side = place
            labels[y : y + side, x : x + side] = 5
        found.append(labels)
    return found


def watch(
    labels: Sequence[np.ndarray], given: Sequence[int] = (0,), tell: Callable[[str], None] = print
) -> ObjectReport:
    report = ObjectReport((5,), given, tell)
    for index, each in enumerate(labels):
        frame = Frame(index, str(index), np.zeros((*SIZE, 3), np.uint8))
        report.write(index, frame, each, None)
    return report


def test_a_place_that_jumps_is_seen_though_the_area_stays() -> None:
    moved = [(10, 10, 12), (12, 10, 12), (14, 10, 12), (60, 40, 12), (61, 40, 12)]
    (entry,) = watch(boxes(*moved)).to_json()
    assert entry["position_jumps"] == [3] and entry["area_jumps"] == []
    (entry,) = watch(boxes(*moved), given=(0, 3)).to_json()
    assert entry["position_jumps"] == []


def test_steady_motion_and_a_sudden_stop_are_no_jumps() -> None:
    fast = [(0, 20, 12), (4, 20, 12), (14, 20, 12), (24, 20, 12), (34, 20, 12), (34, 20, 12)]
    (entry,) = watch(boxes(*fast)).to_json()
    assert entry["position_jumps"] == []


def test_what_is_said_to_be_absent_is_not_lost() -> None:
    labels = boxes((10, 10, 12), None, None, (10, 10, 12), None)
    report = ObjectReport((5,), (0, 1, 3), absent={1: (5,), 4: (6,)})
    for index, each in enumerate(labels):
        report.write(index, Frame(index, "", np.zeros((*SIZE, 3), np.uint8)), each, None)
    assert report.to_json()[0]["lost_at"] == [4]


def test_a_failure_is_told_once_and_at_once() -> None:
    told: list[str] = []
    report = watch(boxes((10, 10, 12), None, (10, 10, 12), None, (10, 10, 30)), tell=told.append)
    assert told == ["object 5: lost at frame 1"]
    assert failures(report.to_json()) == ["object 5: lost at frames 1, 3"]
    assert first_failure(report.to_json()) == 1


def test_a_mask_that_the_network_does_not_hold_is_told() -> None:
    told: list[str] = []
    report = watch(boxes((10, 10, 12)), tell=told.append)
    report.looked_back(0, {5: 0.2})
    assert "object 5: the network does not hold it" in told[0] and "20%" in told[0]
    report.looked_back(15, {5: 0.0})  # it never did
    (entry,) = report.to_json()
    assert entry["self_check"] == 0.2 and entry["doubtful_at"] == []
    assert "20%" in failures(report.to_json())[0]


def test_an_object_that_does_not_lead_back_to_its_mask_is_doubted() -> None:
    report = watch(boxes((10, 10, 12)))
    for index, agreement in ((0, 0.9), (15, 0.8), (30, 0.3)):
        report.looked_back(index, {5: agreement})
    assert report.to_json()[0]["doubtful_at"] == [30]
    assert "something else at frame 30" in failures(report.to_json())[0]


def test_many_frames_are_not_all_said() -> None:
    places = [(10, 10, 12) if i % 2 else None for i in range(2, 20)]
    (text,) = failures(watch(boxes((10, 10, 12), *places)).to_json())
    assert text.endswith("and 6 more")


def test_nothing_is_said_of_an_object_that_stays() -> None:
    report = watch(boxes(*[(10 + i, 10, 12) for i in range(9)]), tell=pytest.fail)
    assert failures(report.to_json()) == [] and first_failure(report.to_json()) is None


def test_a_restored_report_goes_on_as_if_nothing_had_happened() -> None:
    labels = boxes((10, 10, 12), (12, 10, 12), (50, 40, 12), None)
    whole = watch(labels)
    resumed = ObjectReport((5,), (0,))
    resumed.restore(watch(labels[:2]).state())
    for index in (2, 3):
        frame = Frame(index, str(index), np.zeros((*SIZE, 3), np.uint8))
        resumed.write(index, frame, labels[index], None)
    assert resumed.to_json() == whole.to_json()


def test_looking_back_reads_the_given_mask_from_the_last_frame() -> None:
    torch.manual_seed(0)
    segmenter = VideoSegmenter(ready_for_inference(KMN(KMNConfig.tiny())))
    assert segmenter.look_back() == {}
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    (first, second) = boxes((10, 10, 12), (40, 30, 12))
    segmenter.step(image, first)
    before = segmenter.look_back()
    assert list(before) == [5] and 0 <= before[5] <= 1
    labels = segmenter.step(image, np.where(second > 0, 7, 0).astype(np.uint8)).labels
    assert list(segmenter.look_back()) == [5, 7]
    facts, tensors = segmenter.state()
    other = VideoSegmenter(segmenter.network)
    other.restore(facts, tensors)
    assert other.look_back() == segmenter.look_back()
    # It leaves the segmenter as it was.
    np.testing.assert_array_equal(other.step(image).labels, segmenter.step(image).labels)
    assert labels.shape == SIZE
