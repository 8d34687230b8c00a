"""Without fcntl and resource, as on Windows, everything imports, locks and runs."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kmn_cli.platforms import keep_freed_memory, resident_peak

# What Windows has instead, by its documentation: a byte is locked at the file's position, whoever
# comes second gets EACCES; and no open file can be removed.
AS_ON_WINDOWS = """
import ctypes, errno, fcntl, os, pathlib, resource, sys, types
from ctypes import wintypes

held = set()
def locking(file, mode, count):
    assert (mode, count) == (7, 1) and os.lseek(file, 0, os.SEEK_CUR) > 1 << 20
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise PermissionError(errno.EACCES, "Permission denied") from error
    held.add(file)

class Kernel:
    class GetCurrentProcess:
        def __new__(cls):
            return 2**64 - 1
    @staticmethod
    def K32GetProcessMemoryInfo(process, counters, size):
        assert size == 8 + 8 * ctypes.sizeof(ctypes.c_size_t) and process.value == 2**64 - 1
        counters._obj.peak = 123 << 20

unlink, close = pathlib.Path.unlink, os.close
def unlink_closed(path, missing_ok=False):
    if path.exists() and any(os.path.samestat(os.fstat(f), path.stat()) for f in held):
        raise PermissionError(errno.EACCES, "used by another process")
    unlink(path, missing_ok)
def close_and_forget(file):
    held.discard(file)
    close(file)

sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=7, locking=locking)
sys.modules["fcntl"] = sys.modules["resource"] = None
import kmn_cli.platforms
del sys.modules["msvcrt"]  # by which other modules would take this for Windows
ctypes.WinDLL = lambda name: Kernel
pathlib.Path.unlink, os.close = unlink_closed, close_and_forget
"""


def run(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", AS_ON_WINDOWS + code, *map(str, arguments)]
    environment = os.environ | {"PYTHONWARNDEFAULTENCODING": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    ours = [line for line in done.stderr.splitlines() if "EncodingWarning" in line]
    assert not [line for line in ours if "kmn_cli" in line]  # cp1252 is no UTF-8
    return done.stdout


def test_every_module_imports() -> None:
    code = (
        "import importlib, pkgutil, kmn_cli\n"
        "for module in pkgutil.walk_packages(kmn_cli.__path__, 'kmn_cli.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
        "from kmn_cli.platforms import resident_peak\n"
        "assert resident_peak() == 123 << 20\n"
        "print(len(sys.modules))\n"
    )
    assert int(run(code)) > 500


def test_locks_hold_and_are_removed(tmp_path: Path) -> None:
    code = (
        "from kmn_cli.locks import FileLock\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "first, second = FileLock(path, sys.exit), FileLock(path, sys.exit)\n"
        "assert first.take() and not second.take()\n"
        "assert second.holder().startswith('process ')\n"
        "first.let_go()\n"
        "assert not path.exists() and second.take()\n"
    )
    run(code, tmp_path / ".lock")


def test_segment_evaluate_and_export_run(
    movie: Path, draw: Callable[..., Path], tiny_weights: Path, tmp_path: Path
) -> None:
    code = (
        "from kmn_cli.commands.app import app\n"
        "movie, mask, weights, out = sys.argv[1:]\n"
        "network = ['--weights', weights, '--device', 'cpu']\n"
        "for command in (\n"
        "    ['segment', movie, '--mask', mask, '-o', out, *network],\n"
        "    ['evaluate', out, '--protocol', 'folder', '--results', out, '--workers', '1'],\n"
        "    ['export-masks', out, '--to', 'coco', '-o', out + '.json'],\n"
        "):\n"
        "    try:\n        app(command, prog_name='kmn')\n"
        "    except SystemExit as end:\n        assert not end.code, command\n"
    )
    out = tmp_path / "out"
    assert "1.000" in run(code, movie, draw("mask.png", 1), tiny_weights, out)
    assert (tmp_path / "out.json").is_file() and (tmp_path / "out-scores/report.html").is_file()
    assert not list(out.rglob(".claim"))


def test_the_peak_here_is_in_bytes() -> None:
    assert 2**24 < resident_peak() < 2**40


MEASURE = """
import resource, torch
from kmn_cli.platforms import keep_freed_memory
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
def test_freed_memory_is_used_again() -> None:
    plain, kept = (
        subprocess.run(
            [sys.executable, "-c", MEASURE.format(keep=keep)],
            capture_output=True, text=True, check=True,
        ).stdout.split()
        for keep in (False, True)
    )  # fmt: skip
    assert kept[0] == "True"
    assert int(kept[1]) < int(plain[1]) / 10


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", lambda *_: pytest.fail("mallopt was called"))
    assert keep_freed_memory() is False
