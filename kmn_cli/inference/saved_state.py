"""The state of a run on disk, from which a later run goes on as if nothing had happened."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from kmn_cli.errors import KmnError
from kmn_cli.files import atomic_path
from kmn_cli.inference.network import Network
from kmn_cli.inference.object_report import ObjectReport
from kmn_cli.inference.segmenter import VideoSegmenter

NAME = ".state.safetensors"
MAX_SHARE = 0.02  # of the time that saving may take
_TYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}


class Restored(NamedTuple):
    """What became of a restored state."""

    stop: int  # the first frame that is left
    changed: tuple[str, ...]  # how the machine differs: other arithmetic, other last bits


class SavedState:
    """Saves the segmenter and the report beside a video's results, and restores them.

    The masks on disk are hard, the memory was made of soft ones: only the memory itself continues
    a video exactly. Saving takes at most two hundredths of the time, however large it is.

    Args:
        path: the file.
        run: everything that decides the results; a state of another run is not used.
        segmenter: at its first frame.
        report: likewise.
        every: least seconds between two saves; 0 never saves.
        warn: told once when saving fails, which costs nothing but the continuation.
    """

    def __init__(
        self,
        path: Path,
        run: dict[str, Any],
        segmenter: VideoSegmenter,
        report: ObjectReport,
        every: float,
        warn: Callable[[str], None],
    ) -> None:
        self._path, self._segmenter, self._report = path, segmenter, report
        self._every, self._warn = every, warn
        self._run, self._machine = run, _machine(segmenter.network)
        self._next = time.monotonic() + every

    def due(self) -> bool:
        """Whether it is time to save."""
        return self._every > 0 and time.monotonic() >= self._next

    def save(self, stop: int) -> None:
        """Save; every frame before the index `stop` has been written."""
        start = time.monotonic()
        facts, tensors = self._segmenter.state()
        content = {"run": self._run, "machine": self._machine, "stop": stop, "segmenter": facts}
        header = {"kmn": json.dumps({**content, "report": self._report.state()})}
        try:
            with atomic_path(self._path) as part:
                _write(part, tensors, header)
        except KmnError as error:
            self._warn(f"an interrupted run could not be continued from here ({error})")
            self._every = 0
        now = time.monotonic()
        self._next = now + max(self._every, (now - start) / MAX_SHARE)

    def restore(self, available: int) -> Restored | None:
        """Restore what was saved.

        Returns None without a usable state: one of the same run whose frames are there up to the
        index `available`. Another machine, or fewer threads, goes on all the same.
        """
        try:
            with safe_open(self._path, framework="pt") as file:
                content = json.loads((file.metadata() or {})["kmn"])
                if content["run"] != self._run or content["stop"] > available:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            self._segmenter.restore(content["segmenter"], tensors)
            self._report.restore(content["report"])
            before = content["machine"]
            changed = [
                f"{name} {before.get(name)}, now {value}"
                for name, value in self._machine.items()
                if before.get(name) != value
            ]
            return Restored(int(content["stop"]), tuple(changed))
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def remove(self) -> None:
        """Forget it: the video is finished."""
        self._path.unlink(missing_ok=True)


def _machine(network: Network) -> dict[str, Any]:
    """What decides the last bits of the results, beside the run itself."""
    about: dict[str, Any] = {"device": network.device.type, "precision": network.precision}
    about["torch"] = torch.__version__
    if network.device.type == "cuda":
        about["GPU"] = torch.cuda.get_device_name(network.device)
    else:
        about["threads"] = torch.get_num_threads()
        about["instructions"] = torch.backends.cpu.get_cpu_capability()
    if network.precision == "int8":
        about["openvino"] = version("openvino")
    return about


def _write(path: Path, tensors: Mapping[str, Tensor], about: dict[str, str]) -> None:
    """Write a safetensors file, one tensor after the other.

    Not with `save_file`, which when killed leaves a file under a name of its own, nor with `save`,
    which holds everything in memory twice more.
    """
    header: dict[str, Any] = {"__metadata__": about}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        kind, shape = _TYPES[tensor.dtype], list(tensor.shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)  # the tensors begin where processors like it
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            # In rows; `restore` brings the layout back.
            file.write(tensor.cpu().contiguous().view(torch.uint8).numpy().data)
