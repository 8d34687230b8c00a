"""`kmn doctor`: is everything here, and what to do where it is not."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmn_cli import __version__
from kmn_cli.commands.console import Console
from kmn_cli.commands.options import Debug, Device, Json, Quiet, Verbose
from kmn_cli.errors import OPENCV_FIX, ExitCode, KmnError, describe

if TYPE_CHECKING:
    import numpy as np

    from kmn_cli.inference.network import Network

LEAST_SHARE = 0.98  # of pixels on which a device must agree with the CPU
NVIDIA_CARD = Path("/dev/nvidia0")
PAIR = "pip install --force-reinstall torch==2.12.0 torchvision==0.27.0"


class Trouble(KmnError):
    """Something that must be mended."""

    exit_code = ExitCode.BUG


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    ok: bool
    found: str
    fix: str = ""


def doctor(
    weights: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="The checkpoint to check.")
    ] = None,
    device: Device = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Check versions, ffmpeg, device and weights, and segment two frames.

    Exit code 0 if all is well, 1 if something must be mended; its line says how.
    """
    with Console(quiet=quiet, verbose=verbose, as_json=as_json, debug=debug) as console:
        checks: list[Check] = []
        for name, examine in [
            ("kmn", lambda: f"{__version__}, Python {platform.python_version()}"),
            ("torch", check_torch),
            ("opencv", check_opencv),
            ("packages", check_packages),
            ("ffmpeg", check_ffmpeg),
            ("device", lambda: check_device(device)),
            ("weights", lambda: check_weights(weights)),
            ("self-test", lambda: check_two_frames(weights, device)),
        ]:
            check = _examine(name, examine)
            checks.append(check)
            console.print(f"{'ok  ' if check.ok else 'FAIL'} {check.name:<10} {check.found}")
            if check.fix:
                console.print(f"     {'':<10} -> {check.fix}")
        ok = all(check.ok for check in checks)
        console.result({"ok": ok, "checks": [asdict(check) for check in checks]})
        if not ok:
            raise typer.Exit(1)


def _examine(name: str, examine: Callable[[], str]) -> Check:
    try:
        return Check(name, True, examine())
    except Exception as exc:
        error = describe(exc)
        return Check(name, False, error.message, error.hint)


def check_torch() -> str:
    """Versions of torch and torchvision, which must be a pair."""
    try:
        torch, torchvision = import_module("torch"), import_module("torchvision")
    except Exception as error:  # a broken pair fails with RuntimeError, a broken CUDA with OSError
        raise Trouble(
            f"torch and torchvision cannot be imported: {error}",
            f"They must come as a pair: {PAIR}",
        ) from error
    return f"torch {torch.__version__}, torchvision {torchvision.__version__}"


def check_opencv() -> str:
    """OpenCV's version; it needs a system library that bare machines lack."""
    try:
        return f"{import_module('cv2').__version__}"
    except ImportError as error:
        raise Trouble(
            f"cannot be imported: {error}",
            OPENCV_FIX,
        ) from error


def check_packages() -> str:
    """Versions of the other packages."""
    names = ("numpy", "pillow", "safetensors", "imageio", "imageio-ffmpeg", "pycocotools", "typer")
    try:
        return ", ".join(f"{name} {installed_version(name)}" for name in names)
    except PackageNotFoundError as error:
        raise Trouble(f"{error.name} is not installed", f"pip install {error.name}") from error


def check_ffmpeg() -> str:
    """The ffmpeg that reads and writes videos."""
    fix = "pip install --force-reinstall imageio-ffmpeg; or set IMAGEIO_FFMPEG_EXE to an ffmpeg."
    try:
        path = import_module("imageio_ffmpeg").get_ffmpeg_exe()
        run = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30)
    except (ImportError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        raise Trouble(f"not found or not runnable: {error}", fix) from error
    if run.returncode:
        raise Trouble(f"{path} fails: {run.stderr.strip()[:200]}", fix)
    return f"{run.stdout.split(' Copyright')[0]} ({path})"


def check_device(spec: str) -> str:
    """The device that would be used; an NVIDIA card that torch cannot use is a trouble."""
    import torch

    from kmn_cli.inference.device import choose_device, has_fast_int8

    device, reason = choose_device(spec)
    if device.type == "cuda":
        try:
            torch.zeros(8, device=device).sum().item()
        except RuntimeError as error:
            raise Trouble(f"{device} does not work: {error}", _cuda_fix(torch)) from error
    elif spec == "auto" and NVIDIA_CARD.exists() and not torch.cuda.is_available():
        raise Trouble("an NVIDIA card is present, but torch cannot use it", _cuda_fix(torch))
    said = f"{device} ({reason})"
    if has_fast_int8(device) and find_spec("openvino") is None:
        said += "; pip install 'kmn[int8]' makes it about twice as fast"
    return said


def _cuda_fix(torch: Any) -> str:
    if torch.version.cuda is None:
        return f"This torch was built without CUDA: {PAIR}"
    return (
        f"This torch was built for CUDA {torch.version.cuda}: update the NVIDIA driver, or install "
        "torch for an older CUDA: pip install --force-reinstall torch torchvision "
        "--index-url https://download.pytorch.org/whl/cu126"
    )


def check_weights(weights: str | None) -> str:
    """The checkpoint, loaded, and its checksum against the SHA256SUMS beside it."""
    from kmn_cli.model.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(weights)
    listed = _listed_checksum(checkpoint.path)
    if listed not in (None, checkpoint.sha256):
        raise Trouble(
            f"{checkpoint.path}: sha256 {checkpoint.sha256} is not the listed {listed}",
            "The file is damaged: install kmn again, or copy the weights again.",
        )
    verdict = "as listed" if listed else "not listed"
    return f"{checkpoint.path}, sha256 {checkpoint.sha256} ({verdict})"


def _listed_checksum(path: Path) -> str | None:
    sums = path.with_name("SHA256SUMS")
    if not sums.is_file():
        return None
    lines = (line.split() for line in sums.read_text(encoding="utf-8").splitlines())
    return next((line[0] for line in lines if len(line) == 2 and line[1] == path.name), None)


def check_two_frames(weights: str | None, spec: str) -> str:
    """Segment two small frames, and compare with what the CPU finds."""
    import torch

    from kmn_cli.inference.device import choose_device
    from kmn_cli.inference.ready import ready_for_inference
    from kmn_cli.model.checkpoint import load_checkpoint

    device, _ = choose_device(spec)
    model = load_checkpoint(weights).model
    network = ready_for_inference(model, device)
    start = time.perf_counter()
    labels = _second_labels(network)
    seconds = time.perf_counter() - start
    said = f"two frames of 128x96 in {seconds:.2f} s on {device} in {network.precision}"
    if device.type == "cpu":
        return said
    exact = _second_labels(ready_for_inference(model, torch.device("cpu"), "fp32"))
    share = float((labels == exact).mean())
    if share < LEAST_SHARE:
        raise Trouble(
            f"{device} finds other masks than the CPU: {share:.1%} of the pixels agree",
            "Use --device cpu, and update the device's driver and torch.",
        )
    return f"{said}; {share:.1%} of the pixels as on the CPU"


def _second_labels(network: Network) -> np.ndarray:
    import numpy as np

    from kmn_cli.inference.segmenter import VideoSegmenter

    segmenter = VideoSegmenter(network)
    frame = np.full((96, 128, 3), 96, np.uint8)
    mask = np.zeros((96, 128), np.uint8)
    frame[32:64, 40:80] = (220, 60, 30)
    mask[32:64, 40:80] = 1
    segmenter.step(frame, mask)
    prediction = segmenter.step(np.roll(frame, 4, axis=1), want_prob=True)
    prob = prediction.prob
    if prob is None or prob.shape != (2, 96, 128) or not np.isfinite(prob).all():
        raise Trouble(
            f"the network gives no probabilities on {network.device}",
            "Try --device cpu; if that helps, the device's driver or torch build is at fault.",
        )
    return prediction.labels
