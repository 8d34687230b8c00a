"""Every way of running out of memory is said as such."""

from __future__ import annotations

import pytest
import torch

from kmn_cli.errors import ExitCode, describe


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously …"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 GB"),
        RuntimeError("Exception from src/inference: std::bad_alloc"),
        MemoryError(),
    ],
    ids=str,
)
def test_out_of_memory(error: Exception) -> None:
    said = describe(error)
    assert said.exit_code == ExitCode.DEVICE
    assert "--size" in said.hint


def test_other_errors_are_bugs() -> None:
    assert describe(RuntimeError("CUDA error: device-side assert")).exit_code == ExitCode.BUG
