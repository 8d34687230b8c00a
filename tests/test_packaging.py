"""What is installed is whole: the wheel carries the weights and runs from anywhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from kmn_cli import __version__
from kmn_cli.commands.doctor import PAIR

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_the_weights(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.name.startswith(f"kmn-{__version__}-")
    assert {"kmn_cli/py.typed", "kmn_cli/commands/app.py"} <= names
    weights = {f"kmn_cli/weights/{path.name}" for path in (ROOT / "weights").glob("*.safetensors")}
    assert weights and weights <= names
    shipped = {"kmn_cli/weights/kmn.safetensors", "kmn_cli/weights/kmn.prompts.safetensors"}
    assert weights <= shipped  # each more network is 72 MB in every clone, for ever
    assert {"kmn_cli/examples/bunny.mp4", "kmn_cli/examples/bunny.png"} <= names
    assert all(name.startswith(("kmn_cli/", f"kmn-{__version__}.dist-info/")) for name in names)


def test_the_wheel_says_that_the_weights_are_for_research(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        home = f"kmn-{__version__}.dist-info"
        metadata = archive.read(f"{home}/METADATA").decode()
        licence = archive.read(f"{home}/licenses/weights/LICENSE").decode()
    assert "License-Expression: Apache-2.0 AND LicenseRef-kmn-weights AND CC-BY-3.0\n" in metadata
    assert "License-File: LICENSE\n" in metadata
    assert "License-File: weights/LICENSE\n" in metadata
    assert "non-commercial" in licence


def test_the_wheel_runs_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "from kmn_cli.commands.app import app\n"
        "app(['doctor', '--device', 'cpu'], prog_name='kmn')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert str(tmp_path / "site" / "kmn_cli" / "weights") in run.stdout


def test_the_constraints_pin_what_the_project_needs() -> None:
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    needed = {re.split(r"[<>=~!;\[ ]", text)[0] for group in groups for text in group}
    assert needed == set(pins)
    assert f"torch=={pins['torch']} torchvision=={pins['torchvision']}" in PAIR
