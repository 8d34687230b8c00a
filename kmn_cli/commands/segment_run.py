"""Carries out `kmn segment`: one video, many, or only a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kmn_cli.api import load_network, segment_batch, segment_video
from kmn_cli.batch.job import Job, Settings
from kmn_cli.batch.next_step import how_to_go_on
from kmn_cli.batch.plan import make_plan
from kmn_cli.batch.run import Batch, check_none_failed, run_alone
from kmn_cli.batch.runner import make_runner
from kmn_cli.batch.workforce import Workforce
from kmn_cli.commands.console import Console
from kmn_cli.commands.progress import clock
from kmn_cli.commands.tables import plan_table, result_table
from kmn_cli.platforms import keep_freed_memory

__all__ = ["Batch", "Job", "Order", "Settings", "carry_out"]


@dataclass(frozen=True)
class Order:
    """What the options of `kmn segment` say.

    Attributes:
        batch: the videos.
        masks: as typed.
        settings: of all videos.
        weights: as typed.
        workforce: what works the videos off.
        alone: there is only one video, maybe in another part.
        dry_run: only say what would be done.
    """

    batch: Batch
    masks: Sequence[str]
    settings: Settings
    weights: str | None
    workforce: Workforce
    alone: bool
    dry_run: bool


def carry_out(order: Order, console: Console) -> None:
    """Do it, and say what became of it.

    Raises:
        KmnError: the only video failed.
        BatchError: some videos failed, or would.
    """
    keep_freed_memory()
    if order.dry_run:
        _plan(order, console)
    elif order.alone:
        for job in order.batch.jobs:  # none, where another part has it
            _segment_alone(job, order, console)
    else:
        _segment_all(order, console)


def _plan(order: Order, console: Console) -> None:
    devices = order.workforce.devices
    network = load_network(order.weights, devices[0], order.settings.options.precision)
    plan = make_plan(order.batch.jobs, order.settings, network, len(devices))
    console.result(plan.to_json())
    console.print(plan_table(plan.rows))
    console.print(
        f"{len(plan.todo)} of {len(plan.rows)} videos to do: about {clock(plan.seconds)} in the "
        f"network with {plan.workers} at a time, about {plan.memory / 2**20:.0f} MiB for each. "
        "No results were written."
    )
    plan.check()


def _segment_alone(job: Job, order: Order, console: Console) -> None:
    settings, workforce, tell = order.settings, order.workforce, console.on_event
    if workforce.on_ray:
        document = run_alone(job, make_runner(settings, order.weights, workforce, tell))
    else:
        precision = settings.options.precision
        network = load_network(order.weights, workforce.devices[0], precision)
        chosen = {**vars(settings), "network": network, "on_event": tell}
        result = segment_video(job.video.path, order.masks, job.folder, **chosen)
        document = dict(result.document)
    document = {"output": str(job.folder), **document}
    console.result(document)
    console.print(result_table([document]))
    console.print(how_to_go_on(document))


def _segment_all(order: Order, console: Console) -> None:
    batch = order.batch
    document = segment_batch(
        batch.jobs,
        batch.output,
        settings=order.settings,
        weights=order.weights,
        workforce=order.workforce,
        shard=batch.shard,
        fail_fast=batch.fail_fast,
        left_out=batch.left_out,
        rerun=batch.options,
        on_event=console.on_event,
    ).document
    console.result(document)
    console.print(result_table(document["results"]))
    console.print(f"Results are in {batch.output}, a folder a video.")
    check_none_failed(document)
