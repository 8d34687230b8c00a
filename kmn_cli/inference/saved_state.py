"""The state of a run on disk, from which a later run goes on as if nothing had happened."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
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

PATTERN = ".state*.safetensors"
MAX_SHARE = 0.02  # of the time that saving may take
GIVEN_EARLIER = 0.9  # of the time between two saves
MAX_KEPT, MAX_BYTES = 8, 2**28  # of one video's states
_TYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}


class Restored(NamedTuple):
    """What became of a restored state."""

    stop: int  # the first frame that is left
    changed: tuple[str, ...]  # how the machine differs: other arithmetic, other last bits


class SavedState:
    """Saves the segmenter and the report beside a video's results, and restores them.

    The masks on disk are hard, the memory was made of soft ones: only the memory itself continues
    a video exactly. Saving takes at most two hundredths of the time, however large it is. Several
    states are kept, spread over the video, so that a mask that is given later costs only what
    comes after it.

    Args:
        folder: of the results.
        run: everything that decides the results but the masks; a state of another run is not
            used.
        deciding: tells the masks that decide the results before an index.
        segmenter: at its first frame.
        report: likewise.
        every: least seconds between two saves; 0 never saves.
        warn: told once when saving fails, which costs nothing but the continuation.
        kept: most states kept.
    """

    def __init__(
        self,
        folder: Path,
        run: dict[str, Any],
        deciding: Callable[[int], Sequence[str]],
        segmenter: VideoSegmenter,
        report: ObjectReport,
        every: float,
        warn: Callable[[str], None],
        kept: int = MAX_KEPT,
    ) -> None:
        self._folder, self._segmenter, self._report = folder, segmenter, report
        self._deciding, self._every, self._warn = deciding, every, warn
        self._run, self._machine, self._kept = run, _machine(segmenter.network), kept
        self._next = time.monotonic() + every

    def due(self, *, given: bool, ending: bool = False) -> bool:
        """Whether it is time to save: sooner behind a given mask, which others may follow, and
        whenever a run ends early."""
        early = GIVEN_EARLIER * self._every if given else 0.0
        return self._every > 0 and (ending or time.monotonic() >= self._next - early)

    def save(self, index: int) -> None:
        """Save; the frame `index` and those that came before it have been written."""
        start = time.monotonic()
        facts, tensors = self._segmenter.state()
        content = {"run": self._run, "masks": self._deciding(index + 1), "stop": index + 1}
        content |= {"machine": self._machine, "segmenter": facts, "report": self._report.state()}
        try:
            path = self._folder / f".state-{index + 1:08d}.safetensors"
            with atomic_path(path) as part:
                _write(part, tensors, {"kmn": json.dumps(content)})
            self._thin_out(path)
        except KmnError as error:
            self.remove()  # what room there is belongs to the results
            self._warn(f"an interrupted run could not be continued from here ({error})")
            self._every = 0
        now = time.monotonic()
        self._next = now + max(self._every, (now - start) / MAX_SHARE)

    def restore(self, available: int) -> Restored | None:
        """Restore the last state that can be used.

        Usable is one of the same run and masks whose frames are there up to the index
        `available`; another machine, or fewer threads, goes on all the same. Others are removed:
        their frames are written anew from now on.
        """
        for path in sorted(self._folder.glob(PATTERN), reverse=True):
            if (restored := self._restore(path, available)) is not None:
                return restored
            path.unlink(missing_ok=True)
        return None

    def remove(self) -> None:
        """Forget all: the video is finished."""
        for path in self._folder.glob(PATTERN):
            path.unlink(missing_ok=True)

    def bytes_kept(self) -> int:
        """The room that the states take."""
        return sum(path.stat().st_size for path in self._folder.glob(PATTERN))

    def _restore(self, path: Path, available: int) -> Restored | None:
        try:
            with safe_open(path, framework="pt") as file:
                content = json.loads((file.metadata() or {})["kmn"])
                stop = int(content["stop"])
                if content["run"] != self._run or stop > available:
                    return None
                if content["masks"] != list(self._deciding(stop)):
                    return None
                # Copies: Windows does not remove a file that is mapped.
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            self._segmenter.restore(content["segmenter"], tensors)
            self._report.restore(content["report"])
            before = content["machine"]
            changed = [
                f"{name} {before.get(name)}, now {value}"
                for name, value in self._machine.items()
                if before.get(name) != value
            ]
            return Restored(stop, tuple(changed))
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _thin_out(self, newest: Path) -> None:
        """Remove, of too many states, those that stand closest behind others."""
        sizes = {path: path.stat().st_size for path in sorted(self._folder.glob(PATTERN))}
        while len(sizes) > 1 and (len(sizes) > self._kept or sum(sizes.values()) > MAX_BYTES):
            stops = [0, *(int(path.stem.rpartition("-")[2]) for path in sizes)]
            gaps = {path: stops[n + 1] - stops[n] for n, path in enumerate(sizes)}
            gaps.pop(newest)
            closest = min(gaps, key=lambda path: gaps[path])
            closest.unlink()
            del sizes[closest]


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
