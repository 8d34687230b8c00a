"""The rooms of the house: who imports, prints and renames, and what starts without torch."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "kmn_cli"
ROOMS = [
    "errors",
    "platforms",
    "files",
    "locks",
    "interrupt",
    "media",
    "model",
    "inference",
    "batch",
    "evaluation",
    "data",
    "training",
    "api",
    "web",
    "commands",
]
STRANGERS = {  # know nothing of each other
    frozenset({"media", "model"}),
    frozenset({"batch", "data"}),
    frozenset({"batch", "training"}),
}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


TREES = {_module(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def _imports(module: str) -> set[str]:
    """Every module that a file names in an import, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import, line {node.lineno}"
            base = node.module or ""
            inner = {f"{base}.{alias.name}" for alias in node.names} & TREES.keys()
            names |= inner or {base}
    return names


def _calls(module: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(TREES[module]) if isinstance(node, ast.Call))


def _room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "kmn_cli" and len(parts) > 1 and parts[1] in ROOMS else None


def test_imports_point_left() -> None:
    for module in TREES:
        if (own := _room(module)) is None:
            continue  # kmn_cli/__init__.py and __main__.py stand outside the rooms
        for other in filter(None, map(_room, _imports(module))):
            assert ROOMS.index(other) <= ROOMS.index(own), f"{module} imports from {other}"
            assert frozenset({own, other}) not in STRANGERS, f"{module} imports from {other}"


def test_no_circle_of_files() -> None:
    """Not within a room either, and not by an import that waits for its function."""
    graph = {m: {name for name in _imports(m) if _room(name) and name in TREES} for m in TREES}
    TopologicalSorter(graph).prepare()  # names the files of a circle


def test_only_the_command_line_knows_typer_and_rich() -> None:
    for module in TREES:
        top = {name.partition(".")[0] for name in _imports(module)}
        assert "click" not in top, module  # typer brings its own copy
        if _room(module) != "commands":
            assert not top & {"typer", "rich"}, module


def test_only_the_command_line_prints_and_exits() -> None:
    for module, tree in TREES.items():
        if _room(module) == "commands":
            continue
        for call in _calls(module):
            assert ast.unparse(call.func) not in {"print", "exit", "sys.exit", "os._exit"}, module
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{module}, line {node.lineno}: bare except"


def test_only_one_file_renames() -> None:
    """Path.replace takes one argument; that of a text two, that of a dataclass named ones."""
    for module in TREES:
        for call in _calls(module):
            if not isinstance(call.func, ast.Attribute):
                continue
            renames = call.func.attr == "replace" and len(call.args) == 1 and not call.keywords
            renames |= call.func.attr in {"rename", "renames", "move"}
            renames |= ast.unparse(call.func) == "os.replace"
            assert not renames or module == "kmn_cli.files", f"{module}, line {call.lineno}"


def test_the_command_line_is_at_most_a_fifth() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    commands = sum(count for path, count in lines.items() if path.parent.name == "commands")
    assert commands <= sum(lines.values()) / 5


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["segment", "--help"]])
def test_starts_without_torch(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from kmn_cli.commands.app import app\n"
        "try:\n    app(sys.argv[1:], prog_name='kmn')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert not {'torch', 'cv2', 'numpy'} & set(sys.modules)\n"
    )
    before = os.times()
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)
    after = os.times()
    # Time of the processor, not of the clock: other work on the machine does not count.
    assert after.children_user + after.children_system < (
        before.children_user + before.children_system + 1
    )


def test_public_names_are_imported_when_asked_for() -> None:
    code = (
        "import sys, kmn_cli\n"
        "assert 'torch' not in sys.modules\n"
        "from kmn_cli import errors, segment_video\n"
        "names = kmn_cli.api.__all__\n"
        "assert all(getattr(kmn_cli, name) is getattr(kmn_cli.api, name) for name in names)\n"
        "assert set(names) <= set(dir(kmn_cli))\n"
        "assert 'torch._dynamo' not in sys.modules  # two seconds; torchvision imports it\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
