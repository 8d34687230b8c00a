"""Video object segmentation with a kernelized memory network; see `kmn_cli.api`."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmn_cli.api import *  # noqa: F403 - its __all__

__version__ = "0.1.0"

# Threads of torch that have done their share spin before they sleep, by default for longer than a
# whole frame takes, and keep decoders and encoders from the processor. Read when torch is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def __getattr__(name: str) -> Any:
    # Imported when first asked for: torch takes seconds, `kmn --help` must not.
    if not name.startswith("_") and find_spec(f"{__name__}.{name}") is None:
        api = import_module("kmn_cli.api")
        if name in api.__all__:
            return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *import_module("kmn_cli.api").__all__])
