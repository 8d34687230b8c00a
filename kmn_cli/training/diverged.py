"""What is said when a training has left the finite numbers."""

from __future__ import annotations

from kmn_cli.errors import KmnError


class DivergedError(KmnError):
    """A loss, a gradient or weights that are no longer finite.

    Args:
        message: which of them, and when.
    """

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            "Start again with a lower learning_rate or with precision=fp32; where the run has "
            "saved last.safetensors, that is the last good checkpoint, to go on from with --init.",
        )
