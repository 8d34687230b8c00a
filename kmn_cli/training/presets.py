"""Recipes to start from: the paper's, and one that is done in hours."""

from __future__ import annotations

from typing import Any

# "fast" reaches in hours on a CPU, or in minutes on a GPU, what "paper" needs days for:
# a higher rate for the new layers with warm-up, cosine and clipping, because the budget is short;
# an average of the weights, because the rate is high; bf16 where it is in hardware; soft IoU, which
# counts a small object as much as a large one; frozen first stages, which ImageNet has taught
# already; smaller crops first; Hide-and-Seek grown to less, because a short training does not
# close the gap to whole pictures that half-hidden ones open; key heads that match from the start; a
# decoder of half the channels, a fourth of its arithmetic, which is most of the network's. Targets
# are such as must be read from the memory: with one salient object in the middle of every picture a
# network learns to guess it.
_FAST = {
    "crop": 256,
    "batch": 8,
    "learning_rate": 2e-4,
    "trunk_rate": 4e-5,
    "schedule": "cosine",
    "warmup": 0.03,
    "weight_decay": 1e-4,
    "clip_gradient": 1.0,
    "average": 0.1,
    "iou_weight": 0.5,
    "freeze": 2,
    "precision": "auto",
    "match_start": 30.0,
    "mask_gain": 0.2,
    "decoder_dim": 128,
    "region": 0.4,
    "same_frame": 0.15,
    "zoom_min": 0.6,
    "paste": 0.5,
    "multi_object": 0.25,
    "max_objects": 2,
    "jitter": 0.2,
    "hide_probability": 0.2,
}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "paper": {"main": {"hide_probability": 0.0}},
    "fast": {
        "pretrain": _FAST,
        "main": {
            **_FAST,
            "learning_rate": 1e-4,
            "video_motion": 0.2,
            "interval_ramp": 0.5,
            "hide_probability": 0.1,
        },
    },
}
