"""What masks of later frames say of their objects, and of others."""

from __future__ import annotations

import numpy as np
from tiny_video import boxes, video

from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter


def test_an_absent_object_is_gone_until_a_mask_has_it(network):
    segmenter = VideoSegmenter(network)
    masks = {0: boxes(3, 200), 6: boxes(9, 3)}
    for index, frame in enumerate(video(8)):
        absent = {2: (3,), 4: (3, 200)}.get(index, ())
        answer = segmenter.step(frame, masks.get(index), absent=absent, want_prob=True)
        gone = {2: {3}, 3: {3}, 4: {3, 200}, 5: {3, 200}, 6: {200}, 7: {200}}.get(index, set())
        assert not gone & set(np.unique(answer.labels))
        assert np.allclose(answer.prob.sum(0), 1, atol=1e-5)
        for object_id, plane in zip(segmenter.object_ids, answer.prob[1:], strict=True):
            assert plane.any() == (object_id not in gone), (index, object_id)
        assert set(segmenter.look_back()) == set(segmenter.object_ids) - gone


def test_later_mask_adds_an_object_and_keeps_the_others(network):
    frames = video(6)
    segmenter = VideoSegmenter(network)
    segmenter.step(frames[0], boxes(1))
    segmenter.step(frames[1])
    late = np.zeros((48, 64), np.uint8)
    late[40:, 50:] = 9
    answer = segmenter.step(frames[2], late)
    assert segmenter.object_ids == (1, 9)
    assert (answer.labels[late == 9] == 9).all()
    assert 9 not in answer.labels[late != 9]
    assert segmenter.step(frames[3], want_prob=True).prob.shape == (3, 48, 64)


def test_later_mask_corrects_what_it_names(network):
    frames = video(3)
    segmenter = VideoSegmenter(network)
    segmenter.step(frames[0], boxes(1, 2))
    correction = np.zeros((48, 64), np.uint8)
    correction[:6, :6] = 1
    labels = segmenter.step(frames[1], correction).labels
    assert np.array_equal(labels == 1, correction == 1)


def test_only_the_objects_a_mask_names_are_truth(network):
    """A guess beside a given mask is dropped from a full memory as any other."""
    frames = video(12)
    segmenter = VideoSegmenter(network, SegmentOptions(memory_every=1, max_memory_frames=4))
    segmenter.step(frames[0], boxes(1))
    late = np.zeros((48, 64), np.uint8)
    late[40:, 50:] = 9
    segmenter.step(frames[1], late)
    for frame in frames[2:]:
        segmenter.step(frame)
    first, second = segmenter._memory.frames
    assert first == [0, 9, 10]
    assert second == [1, 9, 10]
