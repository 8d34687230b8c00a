"""One video through the segmenter, with a tiny network of random weights."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch
from tiny_video import boxes, run, video

from kmn_cli.errors import InputError, UsageError
from kmn_cli.inference.network import Network
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import SegmentOptions, VideoSegmenter
from kmn_cli.model.memory_read import read_plain


def test_first_frame_is_the_given_mask(network):
    mask = boxes(3, 200)
    first = run(network, video(1), mask)[0]
    assert np.array_equal(first.labels, mask)
    assert np.array_equal(first.prob.argmax(0), np.searchsorted([0, 3, 200], mask))


def test_answers_are_distributions_over_known_ids(network):
    for answer in run(network, video(7), boxes(3, 200))[1:]:
        assert answer.prob.shape == (3, 48, 64)
        assert np.allclose(answer.prob.sum(0), 1, atol=1e-5)
        assert set(np.unique(answer.labels)) <= {0, 3, 200}
        assert np.array_equal(answer.labels, np.array([0, 3, 200])[answer.prob.argmax(0)])


def test_answers_belong_to_the_caller(network):
    """Also where the network's size is the video's, and nothing is scaled."""
    spoilt, kept = VideoSegmenter(network), VideoSegmenter(network)
    for frame, mask in zip(video(4), [boxes(1, 2), None, None, None], strict=True):
        answer = spoilt.step(frame, mask, want_prob=True)
        assert np.array_equal(answer.labels, kept.step(frame, mask).labels)
        answer.prob[:] = 0
        answer.labels[:] = 0


def test_a_network_that_nobody_holds_is_gone(model):
    """At once: on a GPU it holds gigabytes, which no collection of garbage is waited for."""
    gc.disable()
    try:
        network = ready_for_inference(model, "cpu", "fp32")
        held = weakref.ref(network)
        del network
        assert held() is None
    finally:
        gc.enable()


def test_the_loop_is_that_of_the_paper(model, network):
    """Against the network called by hand: bank {0, 5, …, t-1}, soft masks, kernel."""
    frames, mask = video(8), boxes(1, 2)
    answers = run(network, frames, mask, max_memory_frames=0)
    images = [torch.from_numpy(f).permute(2, 0, 1)[None].float() / 255 for f in frames]
    one_hot = torch.stack([torch.from_numpy(mask == n).float() for n in (1, 2)])
    with torch.inference_mode():
        memory = [model.memorize(images[0], one_hot[None])]
        for t in range(1, len(frames)):
            bank = [memory[i] for i in sorted({*range(0, t, 5), t - 1})]
            key, value = (torch.cat(parts, 2)[0] for parts in zip(*bank, strict=True))
            query = model.encode_query(images[t])
            readout = read_plain(query.key[0], key, value, 7.0)
            prob = model.decode(readout[None], query.skips)[0].softmax(0)
            assert np.allclose(answers[t].prob, prob.numpy(), atol=1e-4), t
            memory.append(model.memorize(images[t], prob[None, 1:]))


def test_an_object_does_not_depend_on_the_order_of_ids(network):
    first = run(network, video(4), boxes(1, 2))
    second = run(network, video(4), boxes(90, 7))
    for a, b in zip(first, second, strict=True):
        assert np.allclose(a.prob[1], b.prob[2], atol=1e-5)  # id 1 and id 90 are the same box


def test_frames_may_be_views_or_read_only(network):
    frames, mask = video(3), boxes(1)
    flipped = [frame[..., ::-1].copy()[..., ::-1] for frame in frames]
    flipped[1].flags.writeable = False
    for one, other in zip(run(network, frames, mask), run(network, flipped, mask), strict=True):
        assert np.array_equal(one.labels, other.labels)


def test_videos_share_no_state(network):
    alone = run(network, video(4), boxes(1))
    other = VideoSegmenter(network)
    other.step(video(1, 32, 32)[0], boxes(4, height=32, width=32))
    again = run(network, video(4), boxes(1))
    for a, b in zip(alone, again, strict=True):
        assert np.array_equal(a.prob, b.prob)


def test_an_object_too_small_for_the_size_is_said(network):
    mask = np.zeros((96, 128), np.uint8)
    mask[10:18, 10:18] = 3  # fills a cell of 4x4 at half the size
    mask[60:62, 60:62] = 4  # nowhere
    mask[20:80, 70:120] = 5
    said: list[str] = []
    options = SegmentOptions(size=32)
    segmenter = VideoSegmenter(network, options, warn=said.append)
    segmenter.step(np.zeros((96, 128, 3), np.uint8), mask)
    assert len(said) == 2
    assert "object 3" in said[0] and "--size 48" in said[0]
    assert "object 4" in said[1] and "no --size" in said[1]
    said.clear()
    for _ in range(2):  # once an object, not again with a correction
        segmenter.step(np.zeros((96, 128, 3), np.uint8), mask)
    assert not said
    VideoSegmenter(network, SegmentOptions(size=48), warn=said.append).step(
        np.zeros((96, 128, 3), np.uint8), np.where(mask == 3, mask, 0)
    )
    assert not said


def test_a_full_memory_without_its_frames(network):
    segmenter = VideoSegmenter(network, SegmentOptions(max_memory_frames=6))
    frames = video(3)
    segmenter.step(frames[0], boxes(1))
    segmenter.step(frames[1])
    segmenter.fill_memory(6)
    segmenter.step(frames[2])
    [frames_held] = segmenter._memory.frames
    assert len(frames_held) == 6


def test_limit_is_reported(network):
    segmenter = VideoSegmenter(network, SegmentOptions(max_memory_frames=3, memory_every=1))
    for n, frame in enumerate(video(7)):
        segmenter.step(frame, None if n else boxes(1))
    assert segmenter.dropped_frames > 0


def test_255_objects(network):
    mask = np.arange(48 * 64, dtype=np.uint32).reshape(48, 64) // 12 % 256
    labels = run(network, video(2), mask.astype(np.uint8))[1].labels
    assert labels.shape == (48, 64)


def test_errors_say_what_is_wrong(network):
    frame = video(1)[0]
    with pytest.raises(InputError, match="needs a mask"):
        VideoSegmenter(network).step(frame)
    with pytest.raises(InputError, match="empty"):
        VideoSegmenter(network).step(frame, np.zeros((48, 64), np.uint8))
    with pytest.raises(InputError, match="10x10"):
        VideoSegmenter(network).step(frame, np.ones((10, 10), np.uint8))
    segmenter = VideoSegmenter(network)
    segmenter.step(frame, boxes(1))
    with pytest.raises(InputError, match="32x16"):
        segmenter.step(video(1, 16, 32)[0])
    for bad in ({"size": 8}, {"memory_every": 0}, {"max_memory_frames": 1}):
        with pytest.raises(UsageError):
            SegmentOptions(**bad)


@pytest.mark.parametrize("sigma", [0.0, 1e-20, 1e-19, 0.2, 1e5, float("inf"), float("nan"), -1.0])
def test_a_kernel_that_no_grid_can_hold(sigma):
    with pytest.raises(UsageError, match="sigma must be between"):
        SegmentOptions(sigma=sigma)


def test_bf16_finds_nearly_the_same(model, network):
    frames, mask = video(6), boxes(1, 2)
    expected = run(network, frames, mask)
    answers = run(ready_for_inference(model, precision="bf16"), frames, mask)
    for a, b in zip(answers, expected, strict=True):
        assert a.prob.dtype == np.float32
        assert np.abs(a.prob - b.prob).max() < 0.1


def test_floats_are_refused_and_a_mask_may_be_bool(network: Network) -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    mask = np.zeros((32, 32), bool)
    mask[4:20, 4:20] = True
    with pytest.raises(InputError, match="float64"):
        VideoSegmenter(network).step(image / 255.0, mask)
    labels = VideoSegmenter(network).step(image, mask).labels
    np.testing.assert_array_equal(labels, mask)
    assert labels.dtype == np.uint8
