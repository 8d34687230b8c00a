"""Real processes that run `kmn` and may be killed, without paying for torch's import each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Imports everything, computes nothing, and so may be forked: one fork a command.
_SERVER = """
import itertools, json, os, signal, sys, traceback
import cv2, torch
import kmn_cli.commands.segment_run
import kmn_cli.inference.saved_state, kmn_cli.media.sinks
from kmn_cli.commands.app import app

def kill_at(step, folder):
    steps = itertools.count()
    def look(event, arguments):
        touches = event in ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir")
        if touches and str(arguments[0]).startswith(folder) and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(look)

for line in sys.stdin:
    order = json.loads(line)
    if isinstance(order, int):
        print(os.waitpid(order, 0)[1], flush=True)
    elif pid := os.fork():
        print(pid, flush=True)
    else:
        os.chdir(order["cwd"])
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDWR)
        for old, new in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(old, new)
        sys.stdin = open(os.devnull)
        if order["kill_at"] is not None:
            kill_at(**order["kill_at"])
        code = 1
        try:
            app(order["arguments"])
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
"""


class Forks:
    """Starts `kmn` processes; a context manager."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def start(
        self,
        arguments: Sequence[Any],
        log: object = os.devnull,
        kill_at: tuple[int, Path] | None = None,
    ) -> int:
        """Start a command and return its process id; what it says goes to the end of `log`.

        `kill_at` (n, folder) kills it when it is about to open, make, rename or remove a file
        below the folder for the n-th time, counted from 0.
        """
        order: dict[str, Any] = {"arguments": [str(argument) for argument in arguments]}
        order |= {"log": str(log), "cwd": str(Path.cwd()), "kill_at": None}
        if kill_at is not None:
            order["kill_at"] = {"step": kill_at[0], "folder": str(kill_at[1])}
        return self._ask(order)

    def wait(self, pid: int) -> int:
        """Wait for a process and return its exit status; negative is the signal that ended it."""
        return os.waitstatus_to_exitcode(self._ask(pid))

    def run(self, arguments: Sequence[Any], log: object = os.devnull) -> int:
        """Run a command to its end and return its exit status."""
        return self.wait(self.start(arguments, log))

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.communicate()

    def _ask(self, order: object) -> int:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())
