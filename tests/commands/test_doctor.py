from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import Result

from kmn_cli.commands import doctor

Kmn = Callable[..., Result]


def _check(result: Result, name: str) -> dict[str, Any]:
    document = json.loads(result.stdout)
    assert document["ok"] is (result.exit_code == 0)
    return next(check for check in document["checks"] if check["name"] == name)


def _fail_import(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    real = importlib.import_module

    def fake(wanted: str, *rest: Any) -> Any:
        if wanted == name:
            raise error
        return real(wanted, *rest)

    monkeypatch.setattr(doctor, "import_module", fake)


def test_all_is_well(kmn: Kmn, tiny_weights: Path) -> None:
    result = kmn("doctor", "--weights", tiny_weights, "--device", "cpu")
    assert result.exit_code == 0, result.output
    for word in ("torch", "opencv", "ffmpeg", "cpu", "sha256", "self-test"):
        assert word in result.stdout
    assert "FAIL" not in result.stdout


def test_json_is_one_document(kmn: Kmn, tiny_weights: Path) -> None:
    result = kmn("doctor", "--weights", tiny_weights, "--device", "cpu", "--json")
    assert result.exit_code == 0
    assert _check(result, "self-test")["ok"]


def test_broken_weights(kmn: Kmn, tiny_weights: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(tiny_weights.read_bytes()[:5000])
    result = kmn("doctor", "--weights", cut, "--json")
    assert result.exit_code == 1
    check = _check(result, "weights")
    assert str(cut) in check["found"]
    assert check["fix"]
    assert _check(result, "ffmpeg")["ok"]


def test_weights_that_are_not_as_listed(kmn: Kmn, tiny_weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny.safetensors"
    copy.write_bytes(tiny_weights.read_bytes())
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  tiny.safetensors\n")
    result = kmn("doctor", "--weights", copy, "--json")
    assert result.exit_code == 1
    assert "0" * 64 in _check(result, "weights")["found"]


def test_missing_ffmpeg(
    kmn: Kmn, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nothing"))
    result = kmn("doctor", "--weights", tiny_weights, "--json")
    assert result.exit_code == 1
    assert "imageio-ffmpeg" in _check(result, "ffmpeg")["fix"]


def test_missing_libgl(kmn: Kmn, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
    _fail_import(monkeypatch, "cv2", error)
    result = kmn("doctor", "--weights", tiny_weights, "--json")
    assert result.exit_code == 1
    fix = _check(result, "opencv")["fix"]
    assert "apt install libgl1" in fix
    assert "opencv-python-headless" in fix


def test_torchvision_of_another_torch(
    kmn: Kmn, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("operator torchvision::nms does not exist")
    _fail_import(monkeypatch, "torchvision", error)
    result = kmn("doctor", "--weights", tiny_weights, "--json")
    assert result.exit_code == 1
    assert "torch==" in _check(result, "torch")["fix"]


@pytest.mark.parametrize(("built_for", "fix"), [("13.0", "NVIDIA driver"), (None, "without CUDA")])
def test_a_card_that_torch_cannot_use(
    kmn: Kmn,
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    built_for: str | None,
    fix: str,
) -> None:
    monkeypatch.setattr(doctor, "NVIDIA_CARD", Path("/"))  # something that exists
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    result = kmn("doctor", "--weights", tiny_weights, "--json")
    assert result.exit_code == 1
    assert fix in _check(result, "device")["fix"]


def test_a_missing_package(kmn: Kmn, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor.installed_version

    def fake(name: str) -> str:
        if name == "pycocotools":
            raise doctor.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(doctor, "installed_version", fake)
    result = kmn("doctor", "--weights", tiny_weights, "--json")
    assert result.exit_code == 1
    assert _check(result, "packages")["fix"] == "pip install pycocotools"
