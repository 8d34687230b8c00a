"""`kmn train` as it is typed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from drawn_data import write_stills, write_videos
from published import davis2017
from typer.testing import CliRunner

from kmn_cli.commands.app import app
from kmn_cli.model import load_checkpoint, read_config

SETTINGS = ["--set", "crop=64", "--set", "batch=2", "--set", "precision=fp32", "--set", "warmup=0"]


def kmn(*arguments: object):
    return CliRunner().invoke(app, ["train", *map(str, arguments), *SETTINGS, "--device", "cpu"])


@pytest.fixture
def stills(tmp_path: Path) -> Path:
    return write_stills(tmp_path / "stills", 4)


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    return write_videos(tmp_path / "videos", 2, 6)


def test_both_stages(stills, videos, tmp_path, tiny_weights):
    """Stills, then videos from what the stills taught, scored on a video that is held out."""
    pre, main = tmp_path / "pre", tmp_path / "main"
    first = kmn(
        "--stage", "pretrain", "--data", stills, "-o", pre, "--init", tiny_weights,
        "--iterations", 2, "--json",
    )  # fmt: skip
    assert first.exit_code == 0, first.output
    document = json.loads(first.stdout)
    assert document["steps"] == 2
    assert read_config(document["weights"]) == read_config(tiny_weights)
    second = kmn(
        "--stage", "main", "--data", f"{videos}=3", "--data", stills, "-o", main,
        "--init", pre / "last.safetensors", "--iterations", 2, "--val", f"{videos}:v1",
    )  # fmt: skip
    assert second.exit_code == 0, second.output
    assert "1 videos, 6 frames" in second.output  # v1 is held out
    for name in ("last.safetensors", "best.safetensors", "state.pt", "log.jsonl", "recipe.toml"):
        assert (main / name).is_file(), name
    assert list((main / "samples").glob("*.png"))


def test_splits_and_held_out_names(tiny_weights, tmp_path):
    """--split chooses; --val holds out by name, whatever the path; DAVIS val is warned of."""
    root = davis2017(tmp_path / "DAVIS").root
    other = davis2017(tmp_path / "copy").root
    common = (
        "--stage", "main", "--data", root, "--init", tiny_weights, "--iterations", 1,
        "--cache", tmp_path / "cache", "--val-minutes", 99,
    )  # fmt: skip
    kept = kmn(*common, "-o", tmp_path / "a", "--val", f"{other}:bmx-bumps,blackswan")
    assert kept.exit_code == 0, kept.output
    assert "1 videos, 5 frames" in kept.output and "DAVIS val" not in kept.output
    told = kmn(*common, "-o", tmp_path / "b", "--split", "val", "--val", f"{other}:blackswan")
    assert told.exit_code == 0, told.output
    assert "1 videos, 5 frames" in told.output
    assert "trains on bike-packing, which DAVIS val scores" in told.output
    wrong = kmn(*common, "-o", tmp_path / "c", "--split", "nonsense")
    assert wrong.exit_code == 3
    assert "Splits at hand: train, val" in wrong.output


def test_holding_out_all_there_is_to_train_on_is_said(videos, tmp_path, tiny_weights):
    done = kmn(
        "--stage", "main", "--data", videos, "-o", tmp_path / "run", "--init", tiny_weights,
        "--iterations", 1, "--val", f"{videos}:v0,v1",
    )  # fmt: skip
    assert done.exit_code == 3
    assert "no video is left to train on, for --val holds out v0, v1" in done.output


def test_recipe_of_a_run_can_be_used_again(stills, tmp_path, tiny_weights):
    first = ("--stage", "pretrain", "--data", stills, "--init", tiny_weights, "--iterations", 1)
    assert kmn(*first, "-o", tmp_path / "a", "--no-hide-and-seek").exit_code == 0
    recipe = tmp_path / "a" / "recipe.toml"
    assert "hide_probability = 0.0" in recipe.read_text()
    assert kmn(*first, "-o", tmp_path / "b", "--config", recipe).exit_code == 0
    assert (tmp_path / "b" / "recipe.toml").read_text() == recipe.read_text()


def test_larger_crops_make_weights_for_larger_frames(stills, tmp_path, weights_at_32):
    first = ("--stage", "pretrain", "--data", stills, "--init", weights_at_32, "--iterations", 1)
    assert kmn(*first, "-o", tmp_path / "a").exit_code == 0
    config = read_config(tmp_path / "a" / "last.safetensors")
    assert (config.size, config.sigma) == (80, 2.5)  # of crops of 64


def test_a_run_is_never_overwritten(stills, tmp_path, tiny_weights):
    command = (
        "--stage",
        "pretrain",
        "--data",
        stills,
        "--init",
        tiny_weights,
        "-o",
        tmp_path / "a",
    )
    assert kmn(*command, "--iterations", 1).exit_code == 0
    again = kmn(*command, "--iterations", 1)
    assert again.exit_code == 2
    assert "--resume" in again.output


def test_resume_keeps_the_recipe_and_needs_no_init(stills, tmp_path, tiny_weights):
    run = tmp_path / "a"
    command = ("--stage", "pretrain", "--data", stills, "-o", run, "--iterations", 1)
    assert kmn(*command, "--init", tiny_weights, "--set", "seed=5").exit_code == 0
    recipe = (run / "recipe.toml").read_text()
    changed = kmn(*command, "--resume", "--set", "seed=7")
    assert changed.exit_code == 2
    assert "another seed" in changed.output
    assert kmn(*command[:-1], 2, "--resume").exit_code == 0
    assert (run / "recipe.toml").read_text() == recipe
    assert "seed = 5" in recipe
    assert kmn(*command[:-3], tmp_path / "b", *command[-2:], "--resume").exit_code == 4


def test_resume_with_another_validation_says_what_becomes_of_the_best(
    videos, tmp_path, tiny_weights
):
    run = tmp_path / "run"

    def go(iterations: int, *more: object) -> tuple[str, str]:
        done = kmn(
            "--stage", "main", "--data", videos, "-o", run, "--iterations", iterations,
            "--val", f"{videos}:v1", "--val-size", 64, *more,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        return done.output, load_checkpoint(run / "best.safetensors").metadata["scored_on"]

    output, scored = go(1, "--init", tiny_weights)
    assert scored == "videos:v1, 40 frames at 64" and "replaces" not in output
    assert "replaces" not in go(2, "--resume")[0]
    for iterations, more, expected in (
        (3, ("--val-size", 96), "videos:v1, 40 frames at 96"),
        (4, ("--val-frames", 4), "videos:v1, 4 frames at 64"),
        (5, ("--val", f"{videos}:v0"), "videos:v0, 40 frames at 64"),
    ):
        output, scored = go(iterations, "--resume", *more)
        assert scored == expected and "replaces it" in output


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--iterations", "1", "--minutes", "1"], 2, "either --minutes or --iterations"),
        ([], 2, "either --minutes or --iterations"),
        (["--iterations", "1", "--set", "colour=3"], 2, "no setting colour"),
        (["--iterations", "1", "--set", "colour"], 2, "NAME=VALUE"),
        (["--iterations", "1", "--preset", "quick"], 2, "Unknown preset"),
        (["--iterations", "1", "--val", "somewhere"], 2, "ROOT:seq"),
        (["--iterations", "1", "--val", "VIDEOS:v0", "--val-frames", "2"], 2, "three frames"),
        (["--iterations", "1", "--init", "nothing.safetensors"], 4, "no such weights"),
        (["--iterations", "1", "--trunk-weights", "nothing.pth"], 4, "nothing.pth"),
        (["--iterations", "1", "--trunk-weights", "random"], 2, "random resnet50 would never"),
        (["--iterations", "1", "--data", "nowhere"], 3, "no such folder"),
        (["--iterations", "1", "--data", "VIDEOS=0"], 2, "above 0"),
        (["--iterations", "1", "--data", "VIDEOS=-1"], 2, "above 0"),
        (["--iterations", "1", "--data", "VIDEOS=nan"], 2, "above 0"),
        (["--iterations", "1", "--data", "VIDEOS=inf"], 2, "above 0"),
    ],
)  # fmt: skip
def test_errors(arguments, code, text, stills, videos, tmp_path, tiny_weights):
    arguments = [text.replace("VIDEOS", str(videos)) for text in arguments]
    if "--trunk-weights" not in arguments and "--init" not in arguments:
        arguments += ["--init", str(tiny_weights)]
    result = kmn("--stage", "pretrain", "--data", stills, "-o", tmp_path / "run", *arguments)
    assert result.exit_code == code, result.output
    assert text in result.output


def test_stage_and_data_must_fit(stills, videos, tmp_path, tiny_weights):
    common = ("-o", tmp_path / "run", "--init", tiny_weights, "--iterations", 1)
    wrong = kmn("--stage", "pretrain", "--data", videos, *common)
    assert wrong.exit_code == 3
    assert "holds videos" in wrong.output
    wrong = kmn("--stage", "main", "--data", stills, *common)
    assert wrong.exit_code == 3
    assert "at least one data set of videos" in wrong.output


BLOCKED = """
import sys
for name in ("av", "imageio", "imageio_ffmpeg", "pycocotools"):
    sys.modules[name] = None
from kmn_cli.commands.app import app
app()
"""


def test_training_needs_neither_ffmpeg_nor_coco(videos, tmp_path, tiny_weights):
    """GPU machines often have torch and little else."""
    command = (
        "train", "--stage", "main", "--data", videos, "-o", tmp_path / "run", "--device", "cpu",
        "--init", tiny_weights, "--iterations", 1, "--val", f"{videos}:v1", *SETTINGS,
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, *map(str, command)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_training_tells_what_fits_and_what_to_type_next(stills, tmp_path, tiny_weights):
    command = ("--stage", "pretrain", "--data", stills, "--init", tiny_weights)
    few = kmn(*command, "-o", tmp_path / "few", "--iterations", 12)
    assert few.exit_code == 0, few.output
    assert "only about 12 steps of 2 samples fit" in few.output
    assert "100%  step 12: loss" in few.output
    assert "0:00 left" in few.output
    last = few.output.splitlines()[-1]
    assert last == (
        f"try it: kmn segment VIDEO --mask MASK.png --weights {tmp_path}/few/last.safetensors"
    )


def start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "kmn_cli", "train", *map(str, arguments), *SETTINGS]
    return subprocess.Popen(
        [*command, "--device", "cpu"],
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def wait_for_step(run: Path, step: int) -> None:
    """Until the checkpoint has come that far."""
    for _ in range(1200):
        if (run / "state.pt").exists():
            state = torch.load(run / "state.pt", weights_only=True)
            if state["progress"]["step"] >= step:
                return
        time.sleep(0.05)
    raise AssertionError("the run does not get there")


def test_killed_and_resumed_equals_undisturbed(stills, tmp_path, tiny_weights):
    command = [
        "--stage", "pretrain", "--data", stills, "--init", tiny_weights, "--iterations", 20,
        "--save-minutes", 0, "--cache", tmp_path / "cache",
    ]  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(*command, "-o", whole).wait() == 0
    process = start(*command, "-o", killed)
    wait_for_step(killed, 7)
    process.kill()
    process.wait()
    reached = torch.load(killed / "state.pt", weights_only=True)["progress"]["step"]
    assert 7 <= reached < 20
    assert start(*command, "-o", killed, "--resume").wait() == 0
    one, two = (load_checkpoint(f / "last.safetensors").model.state_dict() for f in (whole, killed))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_ctrl_c_saves_and_exits_130(stills, tmp_path, tiny_weights):
    run = tmp_path / "run"
    process = start(
        "--stage", "pretrain", "--data", stills, "--init", tiny_weights, "-o", run,
        "--minutes", 10, "--save-minutes", 0,
    )  # fmt: skip
    wait_for_step(run, 2)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert load_checkpoint(run / "last.safetensors").model is not None
    assert torch.load(run / "state.pt", weights_only=True)["progress"]["step"] >= 2
