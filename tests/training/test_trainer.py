"""A step as a GPU wants it: told as a whole, in one memory layout."""

from __future__ import annotations

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from kmn_cli.data.clips import Batch
from kmn_cli.errors import KmnError
from kmn_cli.training.trainer import Trainer


@pytest.mark.parametrize("objects", [1, 2])
def test_a_steps_gradients_wait_for_no_value(tiny_model, tiny_recipe, objects):
    trainer = Trainer(tiny_model, tiny_recipe(), torch.device("cpu"))
    labels = torch.randint(0, objects + 1, (2, 3, 64, 64))
    batch = Batch(torch.rand(2, 3, 3, 64, 64), labels, torch.ones(2, objects, dtype=torch.bool))
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        trainer._gradients(*batch)
    names = {event.name for event in seen.events()}
    assert "aten::convolution_backward" in names
    assert not names & {"aten::item", "aten::_local_scalar_dense", "aten::nonzero"}


@pytest.mark.parametrize("objects", [1, 2])
def test_the_wide_maps_gradients_keep_channels_last(tiny_model, tiny_recipe, objects):
    trainer = Trainer(tiny_model, tiny_recipe(), torch.device("cpu"))
    decoder = trainer.model.decoder
    layouts = []
    for module in (decoder.refine2.conv_skip, decoder.refine3.conv_skip):
        module.register_full_backward_hook(
            lambda module, into, out: layouts.append(
                out[0].is_contiguous(memory_format=torch.channels_last)
            )
        )
    labels = torch.randint(0, objects + 1, (2, 3, 64, 64))
    trainer._gradients(
        torch.rand(2, 3, 3, 64, 64), labels, torch.ones(2, objects, dtype=torch.bool)
    )
    assert layouts == [True, True]


def test_a_state_of_other_parameters_is_refused_in_words(tiny_model, tiny_recipe):
    trainer = Trainer(tiny_model, tiny_recipe(), torch.device("cpu"))
    state = trainer.state()
    state["optimizer"]["param_groups"][0]["params"].append(10**6)
    with pytest.raises(KmnError, match="earlier kmn"):
        trainer.restore(state)
