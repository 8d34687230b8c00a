"""Submission zips, checked to be complete before they are written."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from kmn_cli.errors import InputError, KmnError
from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.davis import first_objects, is_black_and_white
from kmn_cli.evaluation.parallel import join_errors
from kmn_cli.evaluation.predicted_ids import StrictIds, counted, ids_in
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.sequence import shorten
from kmn_cli.files import atomic_path
from kmn_cli.media.label_picture import is_index_png, load_labels
from kmn_cli.media.labels import read_ids
from kmn_cli.media.layouts import Video
from kmn_cli.media.mask_folders import find_results
from kmn_cli.media.masks import VOID, index_png


def write_submission(benchmark: Benchmark, results: Path, path: Path) -> int:
    """Write the zip that the benchmark's server expects, and give the number of masks in it.

    DAVIS has the sequence folders at the root of the zip; YouTube-VOS has `Annotations/` above.
    All masks in it are index PNGs; results of another kind, whose ids can be told, become some.

    Raises:
        InputError: masks are missing, unreadable, of the wrong size or with ids that no given mask
            has; all such are listed.
    """
    top = "Annotations/" if benchmark.protocol is Protocol.YOUTUBE_VOS else ""
    alone = len(benchmark.videos) == 1
    folders = [find_results(results, video.name, alone) for video in benchmark.videos]
    ids = [_ids(benchmark, video) for video in benchmark.videos]
    todo = list(zip(benchmark.videos, folders, ids, strict=True))
    if errors := [error for each in todo for error in _errors(*each)]:
        raise join_errors(errors)
    count = 0
    # Stored, not deflated: PNGs do not shrink further.
    with atomic_path(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for video, folder, given in todo:
            palette = load_labels(video.truth[0]).palette
            for frame in video.required:
                mask = folder / f"{frame}.png"
                name = f"{top}{video.name}/{frame}.png"
                if is_index_png(mask):
                    archive.write(mask, name)
                else:
                    archive.writestr(name, index_png(read_ids(mask, binary=given is None), palette))
                count += 1
    return count


def _errors(video: Video, folder: Path, given: set[int] | None) -> Iterator[KmnError]:
    masks = [folder / f"{frame}.png" for frame in video.required]
    missing = [mask.name for mask in masks if not mask.is_file()]
    if missing:
        yield InputError(
            f"{folder}: {len(missing)} of {counted(len(masks), 'mask')} missing: {shorten(missing)}"
        )
    first = read_ids(video.truth[0], binary=True)
    strict = None if given is None else StrictIds(video.name, given)
    wrong = []
    for mask in masks:
        if mask.name in missing:
            continue
        try:
            labels = read_ids(mask, binary=given is None)
            if strict:
                strict.check(mask, labels)
        except InputError as error:
            yield error
        else:
            if labels.shape != first.shape:
                wrong.append(f"{mask.name} ({labels.shape[1]}x{labels.shape[0]})")
    if wrong:
        yield InputError(
            f"{folder}: {len(wrong)} of {counted(len(masks), 'mask')} not "
            f"{first.shape[1]}x{first.shape[0]}: {shorten(wrong)}"
        )


def _ids(benchmark: Benchmark, video: Video) -> set[int] | None:
    """The ids that results may hold; None where whatever is not black is the one object."""
    match benchmark.protocol:
        case Protocol.DAVIS2016:
            return None
        case Protocol.DAVIS2017:
            return set(first_objects(video))
        case Protocol.FOLDER if is_black_and_white(video):
            return None
    shown = (ids_in(read_ids(path)) for path in video.truth)
    return set(video.objects).union(*shown) - {VOID}
