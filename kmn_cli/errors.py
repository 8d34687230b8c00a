"""Errors a user can cause: what happened, to which file, and what to do about it."""

from __future__ import annotations

import re
from enum import IntEnum

OPENCV_FIX = (
    "Install what OpenCV needs: apt install libgl1 libglib2.0-0; or take the build without: "
    "pip uninstall opencv-python && pip install opencv-python-headless"
)


_OUT_OF_MEMORY = re.compile(
    r"out of memory|can't allocate memory|bad_alloc|(CUBLAS|CUDNN|CUFFT|NCCL)\w*ALLOC_FAILED", re.I
)


class ExitCode(IntEnum):
    """The exit codes of every `kmn` command."""

    DONE = 0
    BUG = 1
    USAGE = 2
    INPUT = 3
    WEIGHTS = 4
    DEVICE = 5
    BATCH = 6
    INTERRUPTED = 130


class KmnError(Exception):
    """An error with a cause the user can mend.

    Args:
        message: what happened, naming the file or the value.
        hint: what to do about it, as one sentence; may be empty.
    """

    exit_code = ExitCode.INPUT

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(KmnError):
    """Options that do not fit together."""

    exit_code = ExitCode.USAGE


class InputError(KmnError):
    """A video, mask or data set that cannot be used."""

    exit_code = ExitCode.INPUT


class WeightsError(KmnError):
    """A checkpoint that is missing, damaged or of another network."""

    exit_code = ExitCode.WEIGHTS


class DeviceError(KmnError):
    """A device that is missing, or out of memory."""

    exit_code = ExitCode.DEVICE


class BatchError(KmnError):
    """Some items of a batch failed."""

    exit_code = ExitCode.BATCH


class _Bug(KmnError):
    exit_code = ExitCode.BUG


class _OutOfMemory(KmnError):
    exit_code = ExitCode.DEVICE


class _Interrupted(KmnError):
    exit_code = ExitCode.INTERRUPTED


def describe(exc: BaseException) -> KmnError:
    """Say any exception as a KmnError: what happened, what to do, which exit code."""
    if isinstance(exc, KmnError):
        return exc
    if isinstance(exc, KeyboardInterrupt):
        return _Interrupted(
            "Interrupted.", "What was written so far stays; the same command goes on from there."
        )
    if _is_out_of_memory(exc):
        return _OutOfMemory(
            f"Out of memory: {_first_line(exc)}",
            "Try a smaller --size, fewer --max-memory-frames, or --device cpu.",
        )
    if isinstance(exc, ImportError):
        is_opencv = exc.name == "cv2" or "libGL" in str(exc) or "libgthread" in str(exc)
        fix = OPENCV_FIX if is_opencv else "`kmn doctor` says what is missing and how to get it."
        return _Bug(f"Cannot import: {exc}", fix)
    if isinstance(exc, OSError):
        return KmnError(
            f"{exc.filename or 'file system'}: {exc.strerror or exc}",
            "Check that the path exists, may be written and has space left.",
        )
    return _Bug(
        f"{type(exc).__name__}: {_first_line(exc)}",
        "This is a bug in kmn; run again with --debug and report what it prints.",
    )


def _is_out_of_memory(exc: BaseException) -> bool:
    if isinstance(exc, MemoryError):
        return True
    # torch.OutOfMemoryError is a RuntimeError, too; other libraries of the GPU only say it.
    return isinstance(exc, RuntimeError) and bool(_OUT_OF_MEMORY.search(str(exc)))


def _first_line(exc: BaseException) -> str:
    return str(exc).strip().partition("\n")[0] or "no message"
