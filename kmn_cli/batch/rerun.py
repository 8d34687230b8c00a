"""Lists of inputs, and the command line that does what was asked for those of a list."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from kmn_cli.errors import InputError


def rerun_line(list_file: Path, options: Sequence[str]) -> str:
    """The command, for a shell, that does the videos of a list."""
    words = ["kmn", "segment", f"--from-file={list_file}", *options, "--shard=1/1"]
    return " ".join(map(shlex.quote, words))


def write_list(path: Path, videos: Sequence[tuple[Path, str]]) -> None:
    """Write a list for --from-file of videos with the names of their results."""
    entries = [f"{os.path.abspath(video)}\t{name}" for video, name in videos]  # noqa: PTH100
    end = "\0" if any("\n" in entry or "\r" in entry for entry in entries) else "\n"
    path.write_bytes(os.fsencode("".join(entry + end for entry in entries)))


def read_list(list_file: str) -> list[str]:
    """Read the entries of a list for --from-file; "-" is stdin.

    Raises:
        InputError: when it cannot be read.
    """
    try:
        data = sys.stdin.buffer.read() if list_file == "-" else Path(list_file).read_bytes()
        text = os.fsdecode(data).removeprefix("\ufeff")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{list_file}: cannot be read as a list ({error}).",
            "--from-file takes a text file with one input a line.",
        ) from error
    if "\0" in text:  # as `find -print0` writes: names may hold line breaks
        return [entry for entry in text.split("\0") if entry.strip()]
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]
