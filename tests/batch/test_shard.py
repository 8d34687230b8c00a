from __future__ import annotations

import pytest

from kmn_cli.batch.shard import Shard, parse_shard, slurm_shard
from kmn_cli.errors import UsageError


@pytest.mark.parametrize("first", [0, 1])
def test_shards_are_all_of_it_and_none_twice(first: int) -> None:
    parts = [parse_shard(f"{k}/4").of(range(10)) for k in range(first, first + 4)]
    assert sorted(item for part in parts for item in part) == list(range(10))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["5/4", "1/0", "1", "-1/4", "a/b", "1/4/2", ""])
def test_nonsense(text: str) -> None:
    with pytest.raises(UsageError, match="K/N"):
        parse_shard(text)


@pytest.mark.parametrize(
    ("tasks", "told"),
    [(range(4), False), (range(1, 5), False), (range(4), True), (range(3, 11, 2), True)],
)
def test_slurm(tasks: range, told: bool) -> None:
    shards = []
    for task in tasks:
        environment = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": "4"}
        if told:
            environment["SLURM_ARRAY_TASK_MIN"] = str(tasks.start)
            environment["SLURM_ARRAY_TASK_MAX"] = str(tasks[-1])
            environment["SLURM_ARRAY_TASK_STEP"] = str(tasks.step)
        shards.append(slurm_shard(environment))
    assert {shard.index for shard in shards if shard} == {0, 1, 2, 3}


def test_outside_of_slurm() -> None:
    assert slurm_shard({}) is None
    assert slurm_shard({"SLURM_ARRAY_TASK_ID": "2"}) is None
    assert slurm_shard({"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "3"}) == Shard(2, 3)


@pytest.mark.parametrize("tasks", [(3, 7), (1, 2, 4), (1, 3, 5, 9)])
def test_a_slurm_array_with_gaps_is_refused(tasks: tuple[int, ...]) -> None:
    """Slurm tells every task the same count, ends and step (1 where tasks are listed)."""
    environment = {
        "SLURM_ARRAY_TASK_ID": str(tasks[-1]),
        "SLURM_ARRAY_TASK_COUNT": str(len(tasks)),
        "SLURM_ARRAY_TASK_MIN": str(tasks[0]),
        "SLURM_ARRAY_TASK_MAX": str(tasks[-1]),
        "SLURM_ARRAY_TASK_STEP": "1",
    }
    with pytest.raises(UsageError, match="gaps") as caught:
        slurm_shard(environment)
    assert "--shard" in caught.value.hint
