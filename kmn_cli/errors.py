"""Errors a user can cause: what happened, to which file, and what to do about it."""

from __future__ import annotations

from enum import IntEnum


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
