from __future__ import annotations

import json

import pytest
import torch
import typer

from kmn_cli.batch.events import Event
from kmn_cli.commands import progress as progress_module
from kmn_cli.commands.console import Console
from kmn_cli.errors import BatchError, DeviceError, InputError, UsageError, WeightsError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("m"), 2),
        (InputError("m"), 3),
        (WeightsError("m"), 4),
        (DeviceError("m"), 5),
        (BatchError("m"), 6),
        (torch.OutOfMemoryError("CUDA out of memory"), 5),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"), 5),
        (MemoryError(), 5),
        (PermissionError(13, "Permission denied", "there/out"), 3),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("division by zero"), 1),
    ],
)
def test_every_error_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as end, Console():
        raise error
    assert end.value.exit_code == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_an_error_is_said_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    long = "/a/very long/path/" + "x" * 200 + "[bold].mp4 does not exist."
    with pytest.raises(typer.Exit), Console():
        raise InputError(long, "Check the spelling.")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"error: {long}", "  Check the spelling."]


def test_a_bug_shows_its_traceback_only_with_debug(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), Console():
        raise ZeroDivisionError("division by zero")
    assert "--debug" in capsys.readouterr().err
    with pytest.raises(typer.Exit), Console(debug=True):
        raise ZeroDivisionError("division by zero")
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_library_of_opencv_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), Console():
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
    assert "opencv-python-headless" in capsys.readouterr().err


def test_json_is_the_only_thing_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with Console(as_json=True) as console:
        console.print("a table for people")
        console.note("a note")
        console.result({"frames": 3})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"frames": 3}
    assert "a table for people" in err
    assert "a note" in err


def test_json_is_printed_once_also_on_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), Console(as_json=True) as console:
        console.result({"done": 1})
        raise BatchError("one failed", "look")
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "done": 1,
        "error": {"message": "one failed", "hint": "look", "exit_code": 6},
    }


def test_quiet_leaves_only_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    with Console(quiet=True) as console:
        console.print("result")
        console.note("note")
        console.warn("look here")
        with console.progress("work", 2) as progress:
            progress.advance()
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "warning: look here\n"


def test_details_are_for_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    Console().detail("detail")
    assert capsys.readouterr().err == ""
    Console(verbose=True).detail("detail")
    assert capsys.readouterr().err == "detail\n"


def test_progress_off_a_terminal_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 4.0, 12.0, 13.0, 24.0])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(clock))
    with Console().progress("cat", 8, peak=lambda: 3 << 20) as progress:
        for _ in range(4):
            progress.advance()
    assert capsys.readouterr().err.splitlines() == [
        "cat: 2/8 frames, 0.17/s, 0:36 left, peak 3 MiB",
        "cat: 4/8 frames, 0.17/s, 0:24 left, peak 3 MiB",
    ]


def test_the_peak_is_that_of_the_last_frame(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 12.0, 24.0])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(clock))
    console, frame = Console(), {"input": "cat.mp4", "video": "cat", "total": 8}
    for mebibytes in (3, 5):
        console.on_event(Event("frame", {**frame, "peak_memory_bytes": mebibytes << 20}))
    lines = capsys.readouterr().err.splitlines()
    assert ["peak 3 MiB" in lines[0], "peak 5 MiB" in lines[1]] == [True, True]


def test_progress_on_a_terminal_is_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, as far as rich is concerned
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with Console().progress("cat", 8, peak=lambda: 3 << 20) as progress:
        for _ in range(3):
            progress.advance()
    err = capsys.readouterr().err
    assert "3/8" in err
    assert "3 MiB" in err
    assert "\x1b[3" not in err  # no colour
