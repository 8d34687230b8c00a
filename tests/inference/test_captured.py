"""Work of a GPU that is recorded: the same answers, for every shape, from the first call on."""

from __future__ import annotations

import pytest
import torch

from kmn_cli.inference.captured import MOST, WARM_UP, captured_on_gpu


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
