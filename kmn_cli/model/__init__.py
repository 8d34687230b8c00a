"""The network: tensors in, tensors out."""

from kmn_cli.model.checkpoint import Checkpoint, load_checkpoint, read_config, save_checkpoint
from kmn_cli.model.config import KMNConfig
from kmn_cli.model.fold import fold_batch_norms
from kmn_cli.model.kmn import KMN

__all__ = [
    "KMN",
    "Checkpoint",
    "KMNConfig",
    "fold_batch_norms",
    "load_checkpoint",
    "read_config",
    "save_checkpoint",
]
