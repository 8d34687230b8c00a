"""What `kmn segment` does with one video, and with --dry-run."""

from __future__ import annotations

from typing import Any

from kmn_cli.api import load_network, segment_video
from kmn_cli.batch.job import Job, Settings
from kmn_cli.batch.plan import make_plan
from kmn_cli.batch.run import run_alone
from kmn_cli.batch.runner import make_runner
from kmn_cli.batch.workforce import Workforce
from kmn_cli.commands.console import Console
from kmn_cli.commands.progress import clock
from kmn_cli.commands.tables import plan_table


def say_plan(
    jobs: list[Job],
    settings: Settings,
    weights: str | None,
    workforce: Workforce,
    console: Console,
) -> None:
    """Say what would be done.

    Raises:
        BatchError: some videos cannot be done.
    """
    network = load_network(weights, workforce.devices[0], settings.options.precision)
    plan = make_plan(jobs, settings, network, len(workforce.devices))
    console.result(plan.to_json())
    console.print(plan_table(plan.rows))
    console.print(
        f"{len(plan.todo)} of {len(plan.rows)} videos to do: about {clock(plan.seconds)} in the "
        f"network with {plan.workers} at a time, about {plan.memory / 2**20:.0f} MiB for each. "
        "No results were written."
    )
    plan.check()


def segment_alone(
    job: Job,
    masks: list[str],
    settings: Settings,
    weights: str | None,
    workforce: Workforce,
    console: Console,
) -> dict[str, Any]:
    """Segment the only video, and return its result.json with its folder."""
    if workforce.on_ray:
        document = run_alone(job, make_runner(settings, weights, workforce, console.on_event))
    else:
        network = load_network(weights, workforce.devices[0], settings.options.precision)
        chosen = {**vars(settings), "network": network, "on_event": console.on_event}
        document = dict(segment_video(job.video.path, masks, job.folder, **chosen).document)
    return {"output": str(job.folder), **document}
