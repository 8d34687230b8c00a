"""What is known to fail before anything is paid for."""

from __future__ import annotations

from collections.abc import Iterable

from kmn_cli.errors import InputError
from kmn_cli.evaluation.given_masks import GivenMasks
from kmn_cli.evaluation.parallel import join_errors
from kmn_cli.evaluation.predicted_ids import BINARY_HINT
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.sequence import SequenceTask, shorten
from kmn_cli.media.layouts import Video


def check_scorable(tasks: Iterable[SequenceTask]) -> None:
    """Refuse sequences that no results could be scored on.

    Raises:
        InputError: naming all of them.
    """
    _refuse({task.name: error for task in tasks if (error := _why_not_scored(task))})


def check_segmentable(videos: Iterable[Video], protocol: Protocol) -> None:
    """Refuse sequences that lack pictures, or an object to follow in them.

    Raises:
        InputError: naming all of them.
    """
    _refuse({v.name: error for v in videos if (error := _why_not_segmented(v, protocol))})


def without(names: Iterable[str]) -> str:
    """What to type to leave sequences out."""
    return f"--without {','.join(names)}"


def _refuse(errors: dict[str, InputError]) -> None:
    if errors:
        error = join_errors(list(errors.values()))
        leave = f"{without(errors)} leaves out what cannot be mended."
        raise InputError(error.message, f"{error.hint} {leave}".strip())


def _why_not_scored(task: SequenceTask) -> InputError | None:
    if not task.truth:
        return InputError(
            f"{task.name}: nothing to score: the first and the last frame do not count."
        )
    if task.object_ids == ():
        return InputError(f"{task.name}: no object in the first mask.", BINARY_HINT)
    return None


def _why_not_segmented(video: Video, protocol: Protocol) -> InputError | None:
    if not video.frames:
        return InputError(
            f"{video.name}: no pictures to segment.",
            "--results scores masks that are there already.",
        )
    pictures = {path.stem for path in video.frames}
    if alone := [path.stem for path in video.truth if path.stem not in pictures]:
        return InputError(f"{video.name}: masks without a picture: {shorten(alone, '.png')}")
    try:
        given = GivenMasks(video, protocol)
        if any(given(path.stem) is not None for path in video.frames):
            return None
    except InputError as error:
        return error
    return InputError(f"{video.name}: no object in the masks that are given with its pictures.")
