"""STM's checkpoints (.pth), whose parameters are KMN's under other names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kmn_cli.errors import WeightsError

STM_SUFFIXES = (".pth", ".pt")

# Their names (after "module.") to ours, first match wins.
_STM_NAMES = [
    (r"Encoder_([MQ])\.(mean|std)", r"\1_encoder.normalize.\2"),
    (r"Encoder_M\.conv1_m\.", r"M_encoder.conv_mask."),
    (r"Encoder_M\.conv1_o\.", r"M_encoder.conv_others."),
    (r"Encoder_([MQ])\.res2\.", r"\1_encoder.trunk.layer1."),
    (r"Encoder_([MQ])\.res3\.", r"\1_encoder.trunk.layer2."),
    (r"Encoder_([MQ])\.res4\.", r"\1_encoder.trunk.layer3."),
    (r"Encoder_([MQ])\.", r"\1_encoder.trunk."),
    (r"KV_([MQ])_r4\.Key\.", r"\1_head.key."),
    (r"KV_([MQ])_r4\.Value\.", r"\1_head.value."),
    (r"Decoder\.convFM\.", r"decoder.conv_in."),
    (r"Decoder\.ResMM\.", r"decoder.res_in."),
    (r"Decoder\.RF([23])\.convFS\.", r"decoder.refine\1.conv_skip."),
    (r"Decoder\.RF([23])\.ResFS\.", r"decoder.refine\1.res_skip."),
    (r"Decoder\.RF([23])\.ResMM\.", r"decoder.refine\1.res_out."),
    (r"Decoder\.pred2\.", r"decoder.predict."),
]


def read_stm(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint of STM, by KMN's names.

    Raises:
        WeightsError: the file is damaged, holds code or no state dict.
    """
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # damaged bytes make the unpickler fail in any way
        raise WeightsError(
            f"{path}: cannot be loaded as plain tensors; it is damaged or holds code.",
            "kmn never runs code from a checkpoint: save it again as a plain state dict.",
        ) from error
    for wrapper in ("state_dict", "model", "network"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise WeightsError(f"{path}: holds no state dict.", "Save the network's state_dict().")
    return {_name_from_stm(str(name)): tensor for name, tensor in content.items()}


def _name_from_stm(name: str) -> str:
    name = name.removeprefix("module.")
    for pattern, replacement in _STM_NAMES:
        renamed, count = re.subn(f"^{pattern}", replacement, name)
        if count:
            return re.sub("^([MQ])_", lambda m: {"M": "memory_", "Q": "query_"}[m[1]], renamed)
    return name
