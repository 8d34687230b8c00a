"""`kmn train`: the paper's two stages."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmn_cli.commands.console import Console
from kmn_cli.commands.options import Debug, Device, Json, Quiet, Verbose
from kmn_cli.commands.progress import clock
from kmn_cli.errors import UsageError

if TYPE_CHECKING:
    from kmn_cli.training.recipe import Recipe


class Stage(StrEnum):
    """The paper's two stages."""

    PRETRAIN = "pretrain"
    MAIN = "main"


class Trunk(StrEnum):
    """The two builds of ResNet-50."""

    V1 = "resnet50"
    V2 = "resnet50v2"


def train(
    stage: Annotated[
        Stage, typer.Option(help="pretrain: still images with masks; main: videos with masks.")
    ],
    data: Annotated[
        list[str],
        typer.Option(
            metavar="DIR[=WEIGHT]",
            help="A data set; repeat for a mixture, =WEIGHT says how often each is drawn. "
            "In the main stage, folders of stills may be mixed in.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="RUN", help="The run's folder.")
    ],
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Split to train on, where a data set has splits (default: train).",
        ),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="paper: the paper's recipe; fast: hours instead of days.")
    ] = "fast",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file with settings of the recipe.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="One setting of the recipe; repeatable."),
    ] = None,
    hide_and_seek: Annotated[bool, typer.Option(help="Hide cells while pre-training.")] = True,
    init: Annotated[
        str | None, typer.Option(metavar="WEIGHTS", help="Checkpoint to go on from.")
    ] = None,
    trunk: Annotated[Trunk, typer.Option(help="Trunk of a new network.")] = Trunk.V1,
    trunk_weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|imagenet|random",
            help="What the trunk of a new network has learned (default: imagenet for resnet50).",
        ),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Train for this long.", min=0)] = None,
    iterations: Annotated[int | None, typer.Option(help="Or for so many steps.", min=1)] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on exactly where RUN stopped, with its recipe.")
    ] = False,
    val: Annotated[
        str | None,
        typer.Option(
            metavar="ROOT:SEQ,SEQ", help="Videos to score while training; never trained on."
        ),
    ] = None,
    val_size: Annotated[int, typer.Option(help="Short side for scoring.", min=32)] = 240,
    val_frames: Annotated[
        int, typer.Option(help="Frames scored of each video; 0 is all.", min=0)
    ] = 40,
    val_minutes: Annotated[float, typer.Option(help="Minutes between scores.", min=0)] = 30.0,
    save_minutes: Annotated[float, typer.Option(help="Minutes between checkpoints.", min=0)] = 10.0,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Where decoded pictures are kept, for all runs (default: ~/.cache/kmn/frames)."
        ),
    ] = None,
    device: Device = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train weights, from still images first and from videos after.

    Start it under torchrun for data-parallel training over GPUs and machines.
    """
    with Console(quiet=quiet, verbose=verbose, as_json=as_json, debug=debug) as console:
        if (minutes is None) == (iterations is None):
            raise UsageError("Say how long to train.", "Give either --minutes or --iterations.")
        from kmn_cli.commands.training_data import on_device, open_sources
        from kmn_cli.commands.training_voice import TrainingVoice
        from kmn_cli.model import KMN, KMNConfig
        from kmn_cli.training.budget import Budget
        from kmn_cli.training.distributed import workers
        from kmn_cli.training.loop import train as run_training
        from kmn_cli.training.machine import prepare
        from kmn_cli.training.recipe import Recipe
        from kmn_cli.training.run_folder import read_best
        from kmn_cli.training.start import Start, start_network
        from kmn_cli.training.state import load_state
        from kmn_cli.training.validation import scored_on, validator

        settings = dict(_name_and_value(text) for text in setting or [])
        if not hide_and_seek:
            settings["hide_probability"] = "0"
        recipe = Recipe.resolve(preset, stage, config, settings)
        state = load_state(output / "state.pt") if resume else None
        if state is not None:
            recipe = _same_recipe(state["recipe"], recipe, [*settings, "stage"])
        elif (output / "state.pt").exists():
            raise UsageError(
                f"{output} already holds a run.", "Give --resume to go on with it, or another -o."
            )
        with workers(console.choose_device(device)) as (group, own_device):
            if not group.is_first:
                console.quiet, console.as_json = True, False
                group.barrier()  # until the first process has decoded the pictures
            output.mkdir(parents=True, exist_ok=True)
            sources = open_sources(data, recipe, split, val or "", cache, console)
            if group.is_first:
                (output / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
                group.barrier()
            sources = on_device(sources, own_device, console)
            prepare(own_device)
            if state is not None:
                model = KMN(KMNConfig.from_dict(state["network"]))
            else:
                start = Start(init, trunk.value, trunk_weights)
                model = start_network(start, recipe, sources, own_device)
            validate = validator(val, val_size, val_frames, own_device) if val else None
            scored = scored_on(val, val_size, val_frames) if val else ""
            if val and resume and (best := read_best(output)) and best.scored_on != scored:
                console.warn(
                    f"{output / 'best.safetensors'} was scored on {best.scored_on or 'other data'}:"
                    f" the first score on {scored} replaces it."
                )
            budget = Budget(
                iterations=iterations,
                minutes=minutes,
                save_minutes=save_minutes,
                validate_minutes=val_minutes,
            )
            with TrainingVoice(console, recipe.batch * group.count) as voice:
                progress = run_training(
                    model,
                    sources,
                    recipe,
                    budget,
                    output,
                    own_device,
                    workers=group,
                    state=state,
                    validate=validate,
                    scored_on=scored,
                    report=voice.tell,
                )
            weights = output / "last.safetensors"
            console.print(f"{weights}: {progress.step} steps in {clock(progress.seconds)}")
            console.print(
                f"try it: kmn segment VIDEO --mask MASK.png --weights {quote(str(weights))}"
            )
            console.result(
                {
                    "run": str(output),
                    "weights": str(weights),
                    "steps": progress.step,
                    "seconds": progress.seconds,
                    "best": voice.best,
                }
            )


def _name_and_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text!r} has another form.", "Write --set NAME=VALUE.")
    return name.strip(), value.strip()


def _same_recipe(saved: dict[str, Any], asked: Recipe, named: list[str]) -> Recipe:
    """The recipe of the run that is resumed; what was named again must be the same."""
    recipe = type(asked)(**saved)
    changed = [name for name in named if getattr(recipe, name) != getattr(asked, name)]
    if changed:
        raise UsageError(
            f"The run has another {', '.join(changed)}.",
            "Resume without it: the run's own recipe is used. Or start a new run with --init.",
        )
    return recipe
