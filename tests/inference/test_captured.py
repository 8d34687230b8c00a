"""Work of a GPU that is recorded: the same answers, for every shape, from the first call on."""

from __future__ import annotations

from contextlib import nullcontext
from unittest.mock import MagicMock

import pytest
import torch

from kmn_cli.inference.captured import MOST, WARM_UP, Captured, captured_on_gpu


def double(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return (x * 2,)


def test_a_processor_calls_the_function_itself():
    assert captured_on_gpu(double, torch.device("cpu")) is double


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_answers_are_the_functions_own_and_stay():
    captured = captured_on_gpu(double, torch.device("cuda"))
    for size in range(1, MOST + 3):
        answers = [captured(torch.full((size,), n, device="cuda"))[0] for n in range(WARM_UP + 3)]
        assert [answer.tolist() for answer in answers] == [
            [2 * n] * size for n in range(len(answers))
        ]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_function_that_waits_for_the_gpu_cannot_be_recorded_and_is_called():
    captured = captured_on_gpu(lambda x: (x * x.sum().item(),), torch.device("cuda"))
    for n in range(WARM_UP + 3):
        assert captured(torch.full((2,), n, device="cuda"))[0].tolist() == [2 * n * n] * 2


def test_what_cannot_be_recorded_is_called_and_said_once_for_a_shape(monkeypatch, caplog):
    cuda = MagicMock(**{"CUDAGraph.side_effect": RuntimeError("out of memory\nat some place")})
    cuda.device.return_value = cuda.stream.return_value = nullcontext()
    monkeypatch.setattr(torch, "cuda", cuda)
    captured = Captured(double, torch.device("cuda"))
    for n in range(WARM_UP + 3):
        assert captured(torch.tensor([n]))[0].tolist() == [2 * n]
    assert caplog.messages == [
        "The GPU's work is not recorded, which makes it slower: out of memory"
    ]
