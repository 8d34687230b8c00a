"""Every number of a training run."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from kmn_cli.data.augment import WarpRange
from kmn_cli.data.scene import ClipSettings
from kmn_cli.errors import UsageError
from kmn_cli.training.presets import PRESETS

STAGES = ("pretrain", "main")


@dataclass(frozen=True)
class Recipe:
    """The resolved settings of a run. Shares ("…_ramp") are shares of the whole training.

    The defaults are the paper's; what it leaves open carries our default and says so.

    Attributes:
        stage: "pretrain" (stills) or "main" (video).
        crop: side of the samples in pixels.
        batch: samples a step and process.
        learning_rate: of everything but the trunks.
        trunk_rate: learning rate of both trunks.
        schedule: "constant" or "cosine" (to zero at the end).
        warmup: share of the training over which the rate rises from a tenth.
        weight_decay: 0 is Adam, more is AdamW.
        clip_gradient: largest norm of the gradient; 0 turns it off.
        average: share of the steps so far over which the weights' moving average reaches back,
            which is what is saved; 0 turns it off.
        iou_weight: weight of the soft IoU loss beside cross-entropy.
        freeze: parts of the query trunk that are not trained, from the stem on (0 to 4).
        precision: "fp32", "bf16", or "auto": bf16 where the device has it in hardware.
        match_start: mean similarity k·k/√C_k of a cell with itself that the key heads of a new
            network start with, as principal components of the trunk's features; 0 leaves them
            random, as the paper does.
        decoder_dim: channels of a new network's decoder.
        mask_gain: what the memory stem's mask convolutions of a new network are multiplied by.
        rotation, shear: degrees, either way, of a still's three frames (open in the paper).
        scale_min, scale_max: of a still's three frames (open).
        shift: of a still's three frames, as a share of the crop (open).
        video_motion: share of the above that is added to the frames of a video (open).
        zoom_min, zoom_max: magnification of the whole clip (open).
        jitter: strength of the colour jitter (open).
        paste: share of samples with a pasted occluder (open).
        region: share of stills whose target is an arbitrary region, not the object (open).
        same_frame: share of samples whose three frames are one and the same (open).
        multi_object: share of batches with several objects (open).
        max_objects: most objects of a sample (open).
        hide_probability: what the probability of a Hide-and-Seek cell of stills grows to.
        hide_ramp: share of the training after which it is reached, linearly (open).
        hide_grid: cells a side.
        hide_fill: "mean" colour, as the original Hide-and-Seek, or "black" (open).
        hide_independent: each frame hides cells of its own, as in Fig. 4 (open).
        hide_first: the first frame hides cells too (open).
        max_interval: most frames between two frames of a video clip.
        interval_ramp: share of the training after which it is reached, linearly (open).
        short_side: larger pictures are stored at this short side.
        seed: of all chance.
    """

    stage: str = "pretrain"
    crop: int = 384
    batch: int = 4
    learning_rate: float = 1e-5
    trunk_rate: float = 1e-5
    schedule: str = "constant"
    warmup: float = 0.0
    weight_decay: float = 0.0
    clip_gradient: float = 0.0
    average: float = 0.0
    iou_weight: float = 0.0
    freeze: int = 0
    precision: str = "fp32"
    match_start: float = 0.0
    mask_gain: float = 1.0
    decoder_dim: int = 256
    rotation: float = 30.0
    shear: float = 15.0
    scale_min: float = 0.8
    scale_max: float = 1.1
    shift: float = 0.1
    video_motion: float = 0.0
    zoom_min: float = 1.0
    zoom_max: float = 1.5
    jitter: float = 0.1
    paste: float = 0.0
    region: float = 0.0
    same_frame: float = 0.0
    multi_object: float = 0.5
    max_objects: int = 3
    hide_probability: float = 0.5
    hide_ramp: float = 1.0
    hide_grid: int = 24
    hide_fill: str = "mean"
    hide_independent: bool = True
    hide_first: bool = True
    max_interval: int = 25
    interval_ramp: float = 1.0
    short_side: int = 480
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if not isinstance(value, str) and not 0 <= value < math.inf:  # so NaN is refused, too
                raise UsageError(f"{name} must be a number from 0 on, not {value}.")
        choices = {
            "stage": STAGES,
            "schedule": ("constant", "cosine"),
            "precision": ("auto", "fp32", "bf16"),
            "hide_fill": ("mean", "black"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise UsageError(f"{name} must be one of {', '.join(allowed)}.")
        if self.crop < 32 or self.crop % 16:
            raise UsageError(f"crop must be a multiple of 16 and at least 32, not {self.crop}.")
        if min(self.batch, self.max_objects, self.hide_grid, self.short_side) < 1:
            raise UsageError("batch, max_objects, hide_grid and short_side must be at least 1.")
        if not (0 < self.scale_min <= self.scale_max and 0 < self.zoom_min <= self.zoom_max):
            raise UsageError("scale_min and zoom_min must be above 0 and not above their maximum.")
        shares = ["hide_probability", "paste", "region", "same_frame", "multi_object"]
        shares += ["video_motion", "average", "warmup"]
        if not all(0 <= getattr(self, name) <= 1 for name in shares):
            raise UsageError(f"{', '.join(shares)} must lie between 0 and 1.")
        if not 0 <= self.freeze <= 4:
            raise UsageError("freeze must lie between 0 and 4.")

    @classmethod
    def resolve(
        cls, preset: str, stage: str, config: Path | None, settings: Mapping[str, Any]
    ) -> Self:
        """A preset, changed by a TOML file, changed by single settings.

        Raises:
            UsageError: an unknown preset or name, or a value of another type or out of range.
        """
        if preset not in PRESETS:
            raise UsageError(f"Unknown preset {preset}.", f"Choose from {', '.join(PRESETS)}.")
        values: dict[str, Any] = {"stage": stage, **PRESETS[preset].get(stage, {})}
        if config is not None:
            try:
                values |= tomllib.loads(config.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise UsageError(f"{config}: cannot be read as TOML ({error}).") from error
        if values["stage"] != stage:
            raise UsageError(
                f"{config} is a recipe of the stage {values['stage']}, not {stage}.",
                f"Give --stage {values['stage']}, or take the line out of the file.",
            )
        values |= settings
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for name, value in values.items():
            if name not in fields:
                hint = f"It has {', '.join(fields)}."
                raise UsageError(f"The recipe has no setting {name}.", hint)
            values[name] = _convert(name, value, type(fields[name].default))
        return cls(**values)

    def to_toml(self) -> str:
        """The recipe as a file for `--config`."""
        lines = []
        for name, value in dataclasses.asdict(self).items():
            text = f'"{value}"' if isinstance(value, str) else str(value).lower()
            lines.append(f"{name} = {text}\n")
        return "".join(lines)

    def clip_settings(self, progress: float) -> ClipSettings:
        """How samples are drawn after a share of the training, `progress` in [0, 1]."""
        return ClipSettings(
            crop=self.crop,
            zoom=(self.zoom_min, self.zoom_max),
            jitter=self.jitter,
            max_skip=round(self.max_interval * _ramp(progress, self.interval_ramp)),
            max_objects=self.max_objects,
            multi_object=self.multi_object,
            paste=self.paste,
            region=self.region,
            same_frame=self.same_frame,
            hide_probability=self.hide_probability * _ramp(progress, self.hide_ramp),
            hide_grid=self.hide_grid,
            hide_fill=self.hide_fill,
            hide_independent=self.hide_independent,
            hide_first=self.hide_first,
        )

    def motion(self, video: bool) -> WarpRange:
        """How far the frames of a still's, or a video's, clip are warped against each other."""
        share = self.video_motion if video else 1.0
        return WarpRange(
            rotation=share * self.rotation,
            shear=share * self.shear,
            scale=(self.scale_min**share, self.scale_max**share),
            shift=share * self.shift,
        )

    def rate_factor(self, progress: float) -> float:
        """What the learning rates are multiplied by after a share of the training."""
        warm = max(0.1, _ramp(progress, self.warmup))
        return warm * ((1 + math.cos(math.pi * progress)) / 2 if self.schedule == "cosine" else 1)


def _ramp(progress: float, share: float) -> float:
    return min(1.0, progress / share) if share > 0 else 1.0


def _convert(name: str, value: Any, kind: type) -> Any:
    """A flag's text, or a TOML value, as the setting's type."""
    try:
        if kind is bool:
            return {"true": True, "false": False}[str(value).lower()]
        converted = kind(value)
        if kind is int and float(value) != converted:
            raise ValueError(value)
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{name}: {value!r} is not a {kind.__name__}.") from error
    return converted
