"""Submission zips, checked to be complete before they are written."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from kmn_cli.errors import InputError, KmnError
from kmn_cli.evaluation.benchmark import Benchmark
from kmn_cli.evaluation.davis import first_objects
from kmn_cli.evaluation.parallel import join_errors
from kmn_cli.evaluation.predicted_ids import StrictIds, counted
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.sequence import shorten
from kmn_cli.files import atomic_path
from kmn_cli.media.labels import read_ids
from kmn_cli.media.layouts import Video
from kmn_cli.media.mask_folders import find_results


def write_submission(benchmark: Benchmark, results: Path, path: Path) -> int:
    """Write the zip that the benchmark's server expects, and give the number of masks in it.

    DAVIS has the sequence folders at the root of the zip; YouTube-VOS has `Annotations/` above.

    Raises:
        InputError: masks are missing, unreadable, no index PNGs or of the wrong size; all such
            are listed.
    """
    top = "Annotations/" if benchmark.protocol is Protocol.YOUTUBE_VOS else ""
    errors = [error for video in benchmark.videos for error in _errors(benchmark, video, results)]
    if errors:
        raise join_errors(errors)
    count = 0
    # Stored, not deflated: PNGs do not shrink further.
    with atomic_path(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for video in benchmark.videos:
            folder = find_results(results, video.name, len(benchmark.videos) == 1)
            for frame in video.required:
                archive.write(folder / f"{frame}.png", f"{top}{video.name}/{frame}.png")
                count += 1
    return count


def _errors(benchmark: Benchmark, video: Video, results: Path) -> Iterator[KmnError]:
    folder = find_results(results, video.name, len(benchmark.videos) == 1)
    masks = [folder / f"{frame}.png" for frame in video.required]
    missing = [mask.name for mask in masks if not mask.is_file()]
    if missing:
        yield InputError(
            f"{folder}: {len(missing)} of {counted(len(masks), 'mask')} missing: {shorten(missing)}"
        )
    first = read_ids(video.truth[0], binary=True)
    several = benchmark.protocol is Protocol.DAVIS2017
    strict = StrictIds(video.name, first_objects(video)) if several else None
    wrong = []
    for mask in masks:
        if mask.name in missing:
            continue
        try:
            labels = read_ids(mask, binary=benchmark.protocol is Protocol.DAVIS2016)
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
