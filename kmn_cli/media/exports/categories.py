"""What objects are called, as classes that several videos share."""

from __future__ import annotations

from collections.abc import Sequence

from kmn_cli.media.exports.clip import Clip


def categories_of(clips: Sequence[Clip]) -> list[str]:
    """Return the names of all objects, each once, in the order of their ids."""
    ids = sorted({(i, clip.called(i)) for clip in clips for i in clip.object_ids})
    return list(dict.fromkeys(name for _, name in ids))
