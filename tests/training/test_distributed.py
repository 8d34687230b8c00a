"""Two processes train as one with the doubled batch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from drawn_data import write_stills

SCRIPT = """
import sys, torch
from pathlib import Path
from kmn_cli.data.scene import Source
from kmn_cli.data.scan import scan_stills
from kmn_cli.data.store import build_store
from kmn_cli.model import KMN, KMNConfig
from kmn_cli.training.distributed import workers
from kmn_cli.training.loop import Budget, train
from kmn_cli.training.recipe import Recipe

data, run, batch = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
settings = dict(crop=64, batch=batch, learning_rate=1e-2, freeze=1, warmup=0, precision="fp32",
                weight_decay=0, multi_object=0.5, average=0, trunk_rate=1e-2)
recipe = Recipe.resolve("fast", "pretrain", None, settings)
with workers(torch.device("cpu")) as (group, device):
    store = build_store(scan_stills(data), run.parent / f"cache{group.rank}", 480)
    torch.manual_seed(0)
    model = KMN(KMNConfig.tiny())
    train(model, [Source(store, 1, recipe.motion(False))], recipe, Budget(iterations=3), run,
          device, workers=group)
"""


def launch(tmp_path: Path, processes: int, batch: int, data: Path) -> dict[str, torch.Tensor]:
    run = tmp_path / f"run{processes}"
    run.mkdir()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    starter = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
    starter += [f"--master-port={port}", "--master-addr=127.0.0.1"]
    command = [sys.executable, *(starter if processes > 1 else []), str(script)]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [*command, str(data), str(run), str(batch)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": root},
    )
    assert done.returncode == 0, done.stderr
    state = torch.load(run / "state.pt", weights_only=True)
    assert state["progress"]["step"] == 3
    return state["model"]


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch has no distributed package")
def test_two_gloo_processes_equal_one_with_the_doubled_batch(tmp_path):
    data = write_stills(tmp_path / "stills", 4)
    one = launch(tmp_path, 1, 4, data)
    two = launch(tmp_path, 2, 2, data)
    for name, tensor in one.items():
        assert torch.allclose(tensor, two[name], atol=2e-3), name
    names = [n for n in one if n.endswith("weight") and one[n].dim() == 4]
    drift = max(float((one[n] - two[n]).abs().mean()) for n in names)
    assert drift < 1e-4
