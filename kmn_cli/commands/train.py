"""`kmn train`: the paper's two stages."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmn_cli.commands.console import Console
from kmn_cli.commands.options import Debug, Device, Json, Quiet, Verbose
from kmn_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    import torch

    from kmn_cli.data.scene import Source
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
        typer.Option(metavar="FILE|imagenet", help="What the trunk of a new network has learned."),
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
        import torch

        from kmn_cli.inference.device import to_device
        from kmn_cli.model import KMN, KMNConfig
        from kmn_cli.training.allocator import keep_freed_memory
        from kmn_cli.training.distributed import workers
        from kmn_cli.training.loop import Budget
        from kmn_cli.training.loop import train as run_training
        from kmn_cli.training.matching import frames_for_matching, match_from_start
        from kmn_cli.training.recipe import Recipe
        from kmn_cli.training.start import start_network
        from kmn_cli.training.state import load_state
        from kmn_cli.training.validation import validator

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
            sources = _sources(data, recipe, split, val or "", cache, console)
            if group.is_first:
                (output / "recipe.toml").write_text(recipe.to_toml())
                group.barrier()
            if state is not None:
                model = KMN(KMNConfig.from_dict(state["network"]))
            else:
                size = recipe.crop * 5 // 4  # the paper trains at 384 and segments at 480
                network = KMNConfig(trunk.value, size=size, decoder_dim=recipe.decoder_dim)
                model = start_network(init, network, trunk_weights, recipe.seed)
                if init is None and recipe.match_start:
                    console.note("Key heads: principal components of the trunk's features")
                    frames = frames_for_matching(sources, recipe)
                    to_device(model, own_device)
                    match_from_start(model, frames, recipe.match_start, recipe.mask_gain)
                model.config = replace(model.config, size=max(size, model.config.size))
            validate = validator(val, val_size, val_frames, own_device) if val else None
            budget = Budget(
                iterations=iterations,
                minutes=minutes,
                save_minutes=save_minutes,
                validate_minutes=val_minutes,
            )
            if own_device.type == "cpu":
                keep_freed_memory()
            torch.backends.cudnn.benchmark = True
            progress = run_training(
                model,
                _on_device(sources, own_device, console),
                recipe,
                budget,
                output,
                own_device,
                workers=group,
                state=state,
                validate=validate,
                report=lambda share, text: console.note(f"{share:4.0%}  {text}"),
            )
            console.print(f"{output / 'last.safetensors'}: {progress.step} steps")
            console.result(
                {
                    "run": str(output),
                    "weights": str(output / "last.safetensors"),
                    "steps": progress.step,
                    "seconds": progress.seconds,
                    "best": progress.best,
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


def _sources(
    data: list[str],
    recipe: Recipe,
    split: str | None,
    val: str,
    cache: Path | None,
    console: Console,
) -> list[Source]:
    """Scans and decodes the data sets, saying what is in them and what is not usable.

    Sequences that `--val` scores are left out of training, whatever data set names them.
    """
    from kmn_cli.data.scan import scan_stills, scan_videos
    from kmn_cli.data.scene import Source
    from kmn_cli.data.store import build_store
    from kmn_cli.files import cache_folder
    from kmn_cli.media.layouts import holds_videos
    from kmn_cli.media.split_files import DAVIS_VAL

    held_out = set(val.rpartition(":")[2].split(","))
    sources = []
    for text in data:
        folder, equals, number = text.rpartition("=")
        try:
            weight = float(number) if equals else 1.0
        except ValueError:
            folder, equals, weight = text, "", 1.0
        root = Path(folder if equals else text)
        is_video = holds_videos(root, split)
        if is_video and recipe.stage == "pretrain":
            raise InputError(f"{root} holds videos.", "Pre-train on still images, or --stage main.")
        if is_video:
            scan = scan_videos(root, split=split, held_out=held_out)
            if scored := sorted(scan.names & DAVIS_VAL):
                console.warn(
                    f"{root}: trains on {', '.join(scored)}, which DAVIS val scores: hold them out "
                    "with --val or --split, or do not report scores on DAVIS."
                )
        else:
            scan = scan_stills(root)
        store = build_store(
            scan, cache or cache_folder() / "frames", recipe.short_side, console.progress
        )
        kind = "videos" if is_video else "images"
        console.note(f"{root}: {len(store.clips)} {kind}, {len(store.frames)} frames")
        for note in scan.notes():
            console.warn(f"{root}: {note}")
        sources.append(Source(store, weight, recipe.motion(is_video)))
    if recipe.stage == "main" and not any(len(s.store.clips[0]) > 1 for s in sources):
        raise InputError("The main stage needs at least one data set of videos.", "Add one.")
    return sources


def _on_device(sources: list[Source], device: torch.device, console: Console) -> list[Source]:
    """Puts the decoded pictures on a GPU where they fit into half of its free memory."""
    import dataclasses

    import torch

    size = sum(source.store.pixels.numel() for source in sources)
    packed = any(source.store.is_packed for source in sources)  # decoded by the processor
    if device.type != "cuda" or packed or size > torch.cuda.mem_get_info(device)[0] / 2:
        return sources
    console.detail(f"{size / 1e9:.1f} GB of pictures on {device}")
    return [dataclasses.replace(s, store=s.store.to(device)) for s in sources]
