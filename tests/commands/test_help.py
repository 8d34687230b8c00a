"""What --help shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import pytest
from typer.testing import Result

from kmn_cli.commands.app import app

Kmn = Callable[..., Result]
COMMANDS = sorted(
    (command.name or command.callback.__name__).replace("_", "-")  # type: ignore[union-attr]
    for command in app.registered_commands
)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_groups_and_three_examples(
    kmn: Kmn, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    shown = kmn(name, "--help").output
    assert "Messages" in shown
    examples = re.findall(rf"^ +(kmn {name}(?: .*)?)$", shown, re.MULTILINE)
    assert len(examples) == 3, shown
    for example in examples:
        for option in shlex.split(example):
            assert not option.startswith("--") or option in shown
    # No column of one word a line: an option's words get half of the width.
    words = [line.rsplit("  ", 1)[-1].strip(" │") for line in shown.splitlines() if "│" in line]
    alone = [one for one in words if one and " " not in one and not one.startswith(("[", "-"))]
    assert len(alone) < len(words) / 5, alone


def test_brackets_are_shown(kmn: Kmn) -> None:
    assert "'kmn[int8]'" in re.sub(r"[\s│]+", "", kmn("segment", "--help").output)


@pytest.mark.parametrize("command", ["segment", "init-mask"])
def test_an_address_is_no_file(kmn: Kmn, command: str) -> None:
    url = "https://example.org/watch?v=a"
    run = kmn(command, url, "--box", "1,2,3,4")
    assert run.exit_code == 3
    assert f"{url} is an address" in run.stderr and f"yt-dlp '{url}'" in run.stderr
