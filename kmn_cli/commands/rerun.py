"""The command line that does again what was asked, for other inputs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

import typer

from kmn_cli.commands.inputs import Video


def options_given(context: typer.Context, leave_out: Collection[str] = ()) -> list[str]:
    """The options as they were typed, without the arguments.

    Args:
        context: of the command.
        leave_out: names of parameters.
    """
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        typed = source is not None and source.name == "COMMANDLINE"
        if not typed or name in leave_out or parameter.param_type_name != "option":
            continue
        option = max(parameter.opts, key=len)
        value = context.params[name]
        if value is True:
            words.append(option)
        else:
            values = value if isinstance(value, (list, tuple)) else [value]
            words += [f"{option}={getattr(each, 'value', each)}" for each in values]
    return words


def rerun_line(list_file: Path, options: Sequence[str]) -> str:
    """The command, for a shell, that does the videos of a list."""
    words = ["kmn", "segment", f"--from-file={list_file}", *options, "--shard=1/1"]
    return " ".join(map(shlex.quote, words))


def write_list(path: Path, videos: Sequence[Video]) -> None:
    """Write a list for --from-file that keeps the names of the results."""
    entries = [f"{os.path.abspath(video.path)}\t{video.name}" for video in videos]  # noqa: PTH100
    end = "\0" if any("\n" in entry or "\r" in entry for entry in entries) else "\n"
    path.write_bytes(os.fsencode("".join(entry + end for entry in entries)))
