"""The examples run as they stand."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from drawn_data import write_stills, write_videos
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def tiny_weights(tmp_path: Path) -> Path:
    from kmn_cli.model import KMN, KMNConfig, save_checkpoint

    save_checkpoint(tmp_path / "tiny.safetensors", KMN(KMNConfig.tiny()))
    return tmp_path / "tiny.safetensors"


def test_demo_clip_and_its_mask_fit():
    from kmn_cli.media.labels import read_mask
    from kmn_cli.media.video import open_video

    with open_video(EXAMPLES / "bunny.mp4") as video:
        mask = read_mask(EXAMPLES / "bunny.png", (video.info.width, video.info.height))
        assert mask.ids == (1,)
        assert mask.warnings == ()
        assert len(list(video)) == 50


def load_example(name: str):
    spec = spec_from_file_location("example", EXAMPLES / name)
    assert spec is not None
    assert spec.loader is not None
    example = module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def test_segment_in_python(clip, square_mask_file, tiny_weights, tmp_path, capsys):
    example = load_example("segment_in_python.py")
    example.main(str(clip), str(square_mask_file), str(tmp_path / "out"), str(tiny_weights))
    first = Image.open(tmp_path / "out/masks/00000.png")
    with first, Image.open(square_mask_file) as given:
        assert np.array_equal(np.asarray(first), np.asarray(given))
    said = capsys.readouterr().out.splitlines()[1:]
    shares = [line for line in said if not line.startswith("warning:")]  # untaught
    assert len(shares) == 10 and shares[0].startswith("0 {1: 0.")


def test_plot_three_frames(clip, square_mask_file, tiny_weights, tmp_path):
    matplotlib = pytest.importorskip("matplotlib", reason="needs matplotlib")
    matplotlib.use("Agg")
    out = tmp_path / "out.png"
    load_example("plot_three_frames.py").main(
        str(clip), str(square_mask_file), str(out), str(tiny_weights)
    )
    with Image.open(out) as picture:
        assert picture.size == (1200, 500)
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50


@pytest.mark.parametrize("name", ["segment_in_python.py", "plot_three_frames.py"])
def test_examples_use_only_the_front_door(name):
    for node in ast.walk(ast.parse((EXAMPLES / name).read_text())):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("kmn_cli.") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert not node.module.startswith("kmn_cli.")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_training_script_from_tar_files_to_scores(tiny_weights, tmp_path):
    """In tiny sizes, stopped in the middle of nothing and started again."""
    data = tmp_path / "data"
    write_stills(data / "static" / "a", 3)
    write_videos(data / "davis2016-train", 2, 5, level="480p")
    subprocess.run(["tar", "-cf", "d.tar", "static", "davis2016-train"], cwd=data, check=True)
    shutil.rmtree(data / "static")
    shutil.rmtree(data / "davis2016-train")
    script = [EXAMPLES / "train_on_one_gpu.sh", data, tmp_path / "run", "0.1", "cpu"]
    options = ["--set", "crop=64", "--set", "batch=1", "--init", tiny_weights]
    environment = os.environ | {
        "KMN": str(Path(sys.executable).parent / "kmn"),
        "DEV_SEQUENCES": "v1",
        "OMP_NUM_THREADS": "1",
    }
    for _ in range(2):
        subprocess.run([*map(str, script), *map(str, options)], env=environment, check=True)
    assert (tmp_path / "run" / "main" / "last.safetensors").is_file()
    assert list((tmp_path / "run" / "scores").glob("global_results-*.csv"))
