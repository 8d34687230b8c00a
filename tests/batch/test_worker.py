"""One worker: what it checks first, and what it keeps of a video that failed."""

from __future__ import annotations

from pathlib import Path

import torch

from kmn_cli.batch.inputs import Video
from kmn_cli.batch.job import Job, Settings
from kmn_cli.batch.worker import Orders, check_network, failed
from kmn_cli.errors import InputError
from kmn_cli.inference.segment_options import SegmentOptions


def test_a_network_for_the_gpus_of_other_machines_is_checked_without_one(
    tiny_weights: Path,
) -> None:
    orders = Orders(Settings(SegmentOptions()), str(tiny_weights), "cuda")
    check_network(orders, torch.device("cuda"))


def test_what_failed_is_told_and_not_kept(tmp_path: Path) -> None:
    job = Job(Video(tmp_path / "cat.mp4", Path("cat")), [], True, tmp_path)
    events = []
    try:
        raise InputError("broken", "mend it") from OSError("deeper")
    except InputError as error:
        kept = failed(job, error, events.append).error
    assert kept is not None and (kept.message, kept.hint) == ("broken", "mend it")
    assert kept.__traceback__ is None and kept.__cause__ is None
    assert "deeper" in events[0].facts["traceback"]
