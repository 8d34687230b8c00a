"""The rooms import only to their left, and the command line starts without torch."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "kmn_cli"
ROOMS = [
    "errors",
    "files",
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
FILES = sorted(PACKAGE.rglob("*.py"))


def _imports(tree: ast.AST, module: str) -> set[str]:
    """Every module a file names in an import, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import, line {node.lineno}"
            base = node.module or ""
            names.add(base)
            if base == "kmn_cli":  # `from kmn_cli import model` names a room
                names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def _room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "kmn_cli" and len(parts) > 1 and parts[1] in ROOMS else None


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_point_left(path: Path) -> None:
    own = _room(_name(path))
    if own is None:
        return  # kmn_cli/__init__.py and __main__.py stand outside the rooms
    for other in filter(None, map(_room, _imports(ast.parse(path.read_text()), _name(path)))):
        assert ROOMS.index(other) <= ROOMS.index(own), f"{_name(path)} imports from {other}"
        assert frozenset({own, other}) not in STRANGERS, f"{_name(path)} imports from {other}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_only_the_command_line_knows_typer_and_rich(path: Path) -> None:
    top = {name.partition(".")[0] for name in _imports(ast.parse(path.read_text()), _name(path))}
    assert "click" not in top  # typer brings its own copy
    if _room(_name(path)) != "commands":
        assert not top & {"typer", "rich"}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_only_the_command_line_prints_and_exits(path: Path) -> None:
    if _room(_name(path)) == "commands":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"print", "exit", "sys.exit", "os._exit"}
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{_name(path)}, line {node.lineno}: bare except"


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["segment", "--help"]])
def test_starts_without_torch(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from kmn_cli.commands.app import app\n"
        "try:\n    app(sys.argv[1:], prog_name='kmn')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert not {'torch', 'cv2', 'torchvision'} & set(sys.modules)\n"
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
        "assert all(getattr(kmn_cli, name) is not None for name in kmn_cli.__all__)\n"
        "assert set(kmn_cli.__all__) <= set(dir(kmn_cli))\n"
        "assert kmn_cli.__all__ == kmn_cli.api.__all__\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
