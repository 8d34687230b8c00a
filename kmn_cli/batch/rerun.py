"""The command line that does again what was asked, for other inputs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from kmn_cli.batch.inputs import Video


def rerun_line(list_file: Path, options: Sequence[str]) -> str:
    """The command, for a shell, that does the videos of a list."""
    words = ["kmn", "segment", f"--from-file={list_file}", *options, "--shard=1/1"]
    return " ".join(map(shlex.quote, words))


def write_list(path: Path, videos: Sequence[Video]) -> None:
    """Write a list for --from-file that keeps the names of the results."""
    entries = [f"{os.path.abspath(video.path)}\t{video.name}" for video in videos]  # noqa: PTH100
    end = "\0" if any("\n" in entry or "\r" in entry for entry in entries) else "\n"
    path.write_bytes(os.fsencode("".join(entry + end for entry in entries)))
