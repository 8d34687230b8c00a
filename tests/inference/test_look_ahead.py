"""Frames that are encoded together before their turns come, as on a GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_video import boxes, run, video

from kmn_cli.errors import InputError
from kmn_cli.inference.ready import ready_for_inference
from kmn_cli.inference.segmenter import VideoSegmenter


def test_looking_ahead_changes_nothing(network):
    frames, mask = video(7), boxes(1, 2)
    expected = run(network, frames, mask)
    segmenter = VideoSegmenter(network)
    segmenter.step(frames[0], mask)
    segmenter.look_ahead(frames[1:4])
    for n, frame in enumerate(frames[1:], 1):
        answer = segmenter.step(frame, want_prob=True)
        assert np.allclose(answer.prob, expected[n].prob, atol=1e-5)


def test_looking_ahead_at_a_frame_of_another_size_is_an_error_in_its_turn(network):
    frames = video(3)
    segmenter = VideoSegmenter(network)
    segmenter.step(frames[0], boxes(1))
    segmenter.look_ahead([frames[1], frames[2][:, :40]])
    segmenter.step(frames[1])
    with pytest.raises(InputError, match="40x48"):
        segmenter.step(frames[2][:, :40])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_finds_nearly_the_same(model, network):
    frames, mask = video(8), boxes(1, 2)
    expected = run(network, frames, mask)
    for precision, tolerance in (("fp32", 0.01), ("bf16", 0.1)):
        segmenter = VideoSegmenter(ready_for_inference(model, "cuda", precision))
        segmenter.step(frames[0], mask)
        assert segmenter.frames_ahead > 1
        segmenter.look_ahead(frames[1:5])
        for n, frame in enumerate(frames[1:], 1):
            answer = segmenter.step(frame, want_prob=True)
            assert np.abs(answer.prob - expected[n].prob).max() < tolerance
