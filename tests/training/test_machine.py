"""What a process is told before it trains, in processes of their own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

MEASURE = """
import resource, torch
from kmn_cli.training.machine import keep_freed_memory
kept = keep_freed_memory() if {keep} else None
def faults():
    for _ in range(20):
        torch.ones(2**24)  # 64 MB, taken and freed, until they have found their place
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(kept, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_freed_memory_is_used_again():
    plain, kept = (
        subprocess.run(
            [sys.executable, "-c", MEASURE.format(keep=keep)],
            capture_output=True, text=True, check=True,
        ).stdout.split()
        for keep in (False, True)
    )  # fmt: skip
    assert kept[0] == "True"
    assert int(kept[1]) < int(plain[1]) / 10


def test_another_c_library_is_left_alone(monkeypatch):
    from kmn_cli.training import machine

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", lambda *_: pytest.fail("mallopt was called"))
    assert machine.keep_freed_memory() is False
