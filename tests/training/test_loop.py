"""That training learns, stops, goes on and reports."""

from __future__ import annotations

import json
import signal
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from kmn_cli.data.clips import draw_batch
from kmn_cli.errors import KmnError, WeightsError
from kmn_cli.model import KMN, KMNConfig, load_checkpoint
from kmn_cli.training import trainer
from kmn_cli.training.budget import Budget
from kmn_cli.training.loop import News, train
from kmn_cli.training.state import load_state
from kmn_cli.training.trainer import first_masks
from kmn_cli.training.validation import validator

CPU = torch.device("cpu")


def mean_iou(model: KMN, source, recipe) -> float:
    """J of frames 2 and 3 of fresh samples."""
    batch = draw_batch([source], recipe.clip_settings(1.0), 99, 0, range(12))
    model.eval()
    with torch.no_grad():
        logits = model(batch.frames, first_masks(batch), batch.present)
    predicted, truth = logits.argmax(2) == 1, batch.labels[:, 1:] == 1
    both = (predicted & truth).sum((-2, -1))
    return float((both / (predicted | truth).sum((-2, -1)).clamp(min=1)).mean())


def test_four_images_are_learned(tiny_model, tiny_recipe, still_source, run):
    recipe = tiny_recipe()
    assert mean_iou(tiny_model, still_source, recipe) < 0.5
    train(tiny_model, [still_source], recipe, Budget(iterations=120), run, CPU)
    assert mean_iou(tiny_model, still_source, recipe) > 0.9


def test_main_stage_lowers_the_validation_error(
    tiny_model, tiny_recipe, video_source, video_root, run
):
    validate = validator(f"{video_root}:v2", 64, 0, CPU)
    before = validate(tiny_model)
    train(
        tiny_model,
        [video_source],
        tiny_recipe("main"),
        Budget(iterations=60),
        run,
        CPU,
        validate=validate,
    )
    after = validate(tiny_model)
    assert after["J"] > before["J"] + 0.2
    assert after["v2"] == pytest.approx(after["J&F"])
    best = load_checkpoint(run / "best.safetensors")
    assert json.loads(best.metadata["scores"])["J&F"] == pytest.approx(after["J&F"])


def test_run_leaves_weights_log_and_sheets(tiny_model, tiny_recipe, still_source, run):
    recipe = tiny_recipe(hide_probability=0.5, hide_ramp=0.01, average=0.2, multi_object=0.5)
    news: list[News] = []
    train(
        tiny_model,
        [still_source],
        recipe,
        Budget(iterations=6, log_steps=2, sheet_steps=2),
        run,
        CPU,
        report=news.append,
    )
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [2, 4, 6]
    assert [told.step for told in news] == [1, 2, 3, 4, 5, 6]
    assert news[2].share == 0.5
    assert news[-1].seconds_left == 0
    assert news[-1].loss == pytest.approx(records[-1]["loss"])
    averaged = load_checkpoint(run / "last.safetensors")
    assert json.loads(averaged.metadata["training"])["steps"] == 6
    state = torch.load(run / "state.pt", weights_only=True)
    name = "decoder.predict.weight"
    stored = averaged.model.state_dict()[name]
    assert torch.equal(stored, state["average"][name].half().float())
    assert not torch.equal(state["average"][name], state["model"][name])
    sheet = np.asarray(Image.open(run / "samples" / "000001.png"))
    assert sheet.shape == (4 * 64, 7 * 64, 3)
    assert not list(run.glob(".*.part"))


def test_twenty_steps_equal_ten_and_ten(tiny_recipe, still_source, tmp_path):
    """Bit for bit, with ramps, an average and several objects in play."""
    recipe = tiny_recipe(average=0.2, multi_object=0.5, hide_probability=0.3, iou_weight=0.5)
    budget = Budget(iterations=20, log_steps=10)
    straight, parts = tmp_path / "straight", tmp_path / "parts"
    for folder in (straight, parts):
        folder.mkdir()
    train(fresh(0), [still_source], recipe, budget, straight, CPU)
    with pytest.raises(KeyboardInterrupt):
        train(fresh(0), [still_source], recipe, budget, parts, CPU, report=press_ctrl_c)
    half = load_state(parts / "state.pt")
    assert half["progress"]["step"] == 10
    train(fresh(1), [still_source], recipe, budget, parts, CPU, state=half)
    one, two = (load_state(folder / "state.pt") for folder in (straight, parts))
    for kind in ("model", "average"):
        for name, tensor in one[kind].items():
            assert torch.equal(tensor, two[kind][name]), name
    steps = [json.loads(line)["step"] for line in (parts / "log.jsonl").read_text().splitlines()]
    assert steps == [10, 20]


def press_ctrl_c(news: News) -> None:
    if news.step == 10:
        signal.raise_signal(signal.SIGINT)


def fresh(seed: int) -> KMN:
    torch.manual_seed(seed)
    return KMN(KMNConfig.tiny())


def test_ctrl_c_inside_a_step_saves_a_whole_step(
    tiny_model, tiny_recipe, still_source, run, monkeypatch
):
    real = trainer.cross_entropy

    def interrupted(logits, labels):
        signal.raise_signal(signal.SIGINT)
        return real(logits, labels)

    monkeypatch.setattr(trainer, "cross_entropy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_model, [still_source], tiny_recipe(), Budget(iterations=9), run, CPU)
    state = load_state(run / "state.pt")
    assert state["progress"]["step"] == 1
    assert {int(s["step"]) for s in state["optimizer"]["state"].values()} == {1}


def test_state_must_be_whole(run):
    with pytest.raises(WeightsError, match="nothing to resume"):
        load_state(run / "state.pt")
    (run / "state.pt").write_bytes(b"torn")
    with pytest.raises(WeightsError, match="damaged"):
        load_state(run / "state.pt")


def test_a_failing_validation_loses_nothing(tiny_model, tiny_recipe, still_source, run):
    def fails(model: KMN) -> dict[str, float]:
        raise KmnError("no score today")

    with pytest.raises(KmnError, match="no score"):
        train(
            tiny_model,
            [still_source],
            tiny_recipe(),
            Budget(iterations=3),
            run,
            CPU,
            validate=fails,
        )
    assert load_state(run / "state.pt")["progress"]["step"] == 3


def test_a_worse_network_never_replaces_the_best(tiny_recipe, still_source, run, monkeypatch):
    """Killed after a score was kept and before the state was: the file says how good it is."""
    scores = iter([0.5, 0.8, 0.6, 0.7])
    recipe = tiny_recipe()

    def go(iterations: int, state=None) -> None:
        budget = Budget(iterations=iterations, validate_minutes=0)
        train(
            fresh(0),
            [still_source],
            recipe,
            budget,
            run,
            CPU,
            state=state,
            validate=lambda model: {"J&F": next(scores)},
        )

    go(1)
    before = load_state(run / "state.pt")
    go(2, before)
    best = (run / "best.safetensors").read_bytes()
    go(3, before)  # the state of 0.8 was lost
    assert (run / "best.safetensors").read_bytes() == best
    assert json.loads(load_checkpoint(run / "best.safetensors").metadata["scores"])["J&F"] == 0.8


def test_a_best_of_other_data_gives_way(tiny_recipe, still_source, run):
    def go(iterations: int, score: float, scored_on: str) -> float:
        state = load_state(run / "state.pt") if iterations > 1 else None
        train(
            fresh(0),
            [still_source],
            tiny_recipe(),
            Budget(iterations=iterations),
            run,
            CPU,
            state=state,
            validate=lambda model: {"J&F": score},
            scored_on=scored_on,
        )
        metadata = load_checkpoint(run / "best.safetensors").metadata
        return json.loads(metadata["scores"])["J&F"]

    assert go(1, 0.8, "easy") == 0.8
    assert go(2, 0.7, "easy") == 0.8
    assert go(3, 0.3, "hard") == 0.3
    assert go(4, 0.2, "hard") == 0.3


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_nan_stops_and_keeps_the_last_good_checkpoint(
    tiny_model, tiny_recipe, still_source, run, monkeypatch, where
):
    real = trainer.cross_entropy
    calls = []

    def fails_at_the_fourth(logits, labels):
        calls.append(1)
        losses = real(logits, labels)
        if len(calls) < 4:
            return losses
        if where == "loss":
            return losses * float("nan")
        losses.register_hook(lambda gradient: gradient * float("inf"))
        return losses

    monkeypatch.setattr(trainer, "cross_entropy", fails_at_the_fourth)
    budget = Budget(iterations=9, save_minutes=0)
    with pytest.raises(KmnError, match="at step 4"):
        train(tiny_model, [still_source], tiny_recipe(), budget, run, CPU)
    good = load_checkpoint(run / "last.safetensors")
    assert json.loads(good.metadata["training"])["steps"] == 3
    assert all(p.isfinite().all() for p in good.model.parameters())


def test_weights_of_nan_are_never_saved(tiny_model, tiny_recipe, still_source, run, monkeypatch):
    """A loss tells of its own weights, not of those that its step makes."""
    recipe, budget = tiny_recipe(), Budget(iterations=3, save_minutes=0)
    real = trainer.set_rates

    def too_fast(optimizer, factor: float) -> None:
        real(optimizer, factor if calls.pop() else 1e38)

    monkeypatch.setattr(trainer, "set_rates", too_fast)
    calls = [False]
    with pytest.raises(KmnError, match="no longer finite at step 1") as caught:
        train(deepcopy(tiny_model), [still_source], recipe, budget, run, CPU)
    assert "where the run has saved last.safetensors" in caught.value.hint
    assert not (run / "last.safetensors").exists() and not (run / "state.pt").exists()
    calls = [False, True, True]
    with pytest.raises(KmnError, match="no longer finite at step 3"):
        train(tiny_model, [still_source], recipe, budget, run, CPU)
    assert load_state(run / "state.pt")["progress"]["step"] == 2
    weights = load_checkpoint(run / "last.safetensors").model.parameters()
    assert all(weight.isfinite().all() for weight in weights)


def test_frozen_parts_do_not_move(tiny_model, tiny_recipe, still_source, run):
    before = {k: v.clone() for k, v in tiny_model.state_dict().items()}
    train(tiny_model, [still_source], tiny_recipe(freeze=2), Budget(iterations=3), run, CPU)
    after = tiny_model.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any(
        n.startswith(("query_encoder.trunk.conv1", "query_encoder.trunk.layer1")) for n in moved
    )
    assert any(n.startswith("query_encoder.trunk.layer2") for n in moved)
    assert any(n.startswith("memory_encoder.trunk.layer1") for n in moved)
    assert "memory_encoder.conv_mask.weight" in moved


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_sees_the_same_samples_and_learns_the_same(
    tiny_model, tiny_recipe, still_source, tmp_path
):
    losses = {}
    for name in ("cpu", "cuda"):
        device = torch.device(name)
        source = replace(still_source, store=still_source.store.to(device))
        (tmp_path / name).mkdir()
        budget = Budget(iterations=6, log_steps=1)
        train(deepcopy(tiny_model), [source], tiny_recipe(), budget, tmp_path / name, device)
        records = (tmp_path / name / "log.jsonl").read_text().splitlines()
        losses[name] = [json.loads(record)["loss"] for record in records]
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=1e-2)
