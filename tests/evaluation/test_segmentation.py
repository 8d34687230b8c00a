from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mask_clips import moving, save
from PIL import Image

from kmn_cli.errors import InputError, UsageError
from kmn_cli.evaluation.benchmark import Benchmark, load_benchmark
from kmn_cli.evaluation.given_masks import GivenMasks
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.segmentation import BenchmarkRun
from kmn_cli.inference.segmenter import SegmentOptions
from kmn_cli.media.layouts import Video
from kmn_cli.model import KMN, KMNConfig
from kmn_cli.model.checkpoint import Checkpoint

MakeDavis = Callable[..., Path]
OPTIONS = SegmentOptions(size=48, max_memory_frames=0)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    model = KMN(KMNConfig.tiny()).eval()
    return Checkpoint(model=model, name="tiny", path=Path("tiny"), sha256="00", metadata={})


def open_run(
    benchmark: Benchmark, out: Path, checkpoint: Checkpoint, **changes: object
) -> BenchmarkRun:
    options = SegmentOptions(**{"size": 48, "max_memory_frames": 0, **changes})  # type: ignore[arg-type]
    return BenchmarkRun(benchmark, out, checkpoint, options, torch.device("cpu"))


def segment_all(run: BenchmarkRun) -> list[str]:
    done = []
    for video in run.left:
        run.segment(video)
        done.append(video.name)
    return done


def test_every_frame_gets_a_mask_and_the_first_is_the_given_one(
    davis: MakeDavis, tmp_path: Path, checkpoint: Checkpoint
) -> None:
    root = davis({"walk": moving(4, (1, 2))})
    run = open_run(load_benchmark(root, Protocol.DAVIS2017), tmp_path / "out", checkpoint)
    segment_all(run)
    folder = tmp_path / "out" / "walk"
    assert sorted(p.name for p in folder.iterdir()) == [f"{t:05d}.png" for t in range(4)]
    with Image.open(folder / "00000.png") as first:
        assert first.mode == "P"
        assert first.getpalette()[3:6] == [3, 4, 5]  # the palette of the annotation
        assert np.array_equal(np.asarray(first), moving(4, (1, 2))[0])
    one = run.runs["walk"]
    assert (one.frames, one.objects) == (4, 2)
    assert one.seconds > 0 and one.peak_memory > 0


def test_finished_sequences_are_not_done_again(
    davis: MakeDavis, tmp_path: Path, checkpoint: Checkpoint
) -> None:
    root = davis({"a": moving(3), "b": moving(3), "c": moving(3)})
    benchmark = load_benchmark(root, Protocol.DAVIS2017)
    run = open_run(benchmark, tmp_path / "out", checkpoint)
    for video in run.left[:2]:
        run.segment(video)
    (tmp_path / "out" / "b" / "00001.png").unlink()  # no longer whole
    (tmp_path / "out" / ".c.part").mkdir()  # where a killed run stopped
    assert segment_all(open_run(benchmark, tmp_path / "out", checkpoint)) == ["b", "c"]
    assert segment_all(open_run(benchmark, tmp_path / "out", checkpoint)) == []


@pytest.mark.parametrize("changed", ["mask", "pictures"])
def test_what_was_made_of_other_masks_or_pictures_is_done_again(
    davis: MakeDavis, tmp_path: Path, checkpoint: Checkpoint, changed: str
) -> None:
    root = davis({"a": moving(3), "b": moving(3)})
    benchmark, out = load_benchmark(root, Protocol.DAVIS2017), tmp_path / "out"
    segment_all(open_run(benchmark, out, checkpoint))
    if changed == "mask":
        save(root / "Annotations" / "480p" / "b" / "00000.png", moving(3, shift=9)[0])
    else:
        pictures = sorted((root / "JPEGImages" / "480p" / "b").iterdir())
        for path, other in zip(pictures, reversed([p.read_bytes() for p in pictures]), strict=True):
            path.write_bytes(other)
    assert segment_all(open_run(benchmark, out, checkpoint)) == ["b"]
    assert segment_all(open_run(benchmark, out, checkpoint)) == []


def test_a_later_mask_of_davis_decides_nothing(
    davis: MakeDavis, tmp_path: Path, checkpoint: Checkpoint
) -> None:
    root = davis({"a": moving(3)})
    benchmark = load_benchmark(root, Protocol.DAVIS2017)
    segment_all(open_run(benchmark, tmp_path / "out", checkpoint))
    save(root / "Annotations" / "480p" / "a" / "00001.png", moving(3, shift=9)[0])
    assert segment_all(open_run(benchmark, tmp_path / "out", checkpoint)) == []


def test_results_of_before_sources_were_noted_count_and_are_named(
    davis: MakeDavis, tmp_path: Path, checkpoint: Checkpoint
) -> None:
    benchmark, out = load_benchmark(davis({"a": moving(3)}), Protocol.DAVIS2017), tmp_path / "out"
    segment_all(open_run(benchmark, out, checkpoint))
    log = json.loads((out / "segmentation.json").read_text())
    del log["sources"]
    (out / "segmentation.json").write_text(json.dumps(log))
    told: list[str] = []
    run = BenchmarkRun(benchmark, out, checkpoint, OPTIONS, torch.device("cpu"), tell=told.append)
    assert segment_all(run) == []
    assert "1 of the sequences" in told[0] and "--overwrite" in told[0]


def test_results_of_other_settings_are_not_mixed(
    davis: MakeDavis, tmp_path: Path, checkpoint: Checkpoint
) -> None:
    benchmark = load_benchmark(davis({"a": moving(3)}), Protocol.DAVIS2017)
    segment_all(open_run(benchmark, tmp_path / "out", checkpoint))
    with pytest.raises(UsageError, match=r"sigma was 7\.0, now None") as caught:
        open_run(benchmark, tmp_path / "out", checkpoint, sigma=None)
    assert caught.value.hint.startswith("-o ")  # what loses nothing comes first


def test_results_of_another_tool_are_not_replaced(
    davis: MakeDavis, tmp_path: Path, checkpoint: Checkpoint
) -> None:
    benchmark = load_benchmark(davis({"a": moving(3)}), Protocol.DAVIS2017)
    save(tmp_path / "out" / "a" / "00000.png", moving(3)[0])
    with pytest.raises(UsageError, match="holds results of a"):
        open_run(benchmark, tmp_path / "out", checkpoint)
    run = BenchmarkRun(
        benchmark, tmp_path / "out", checkpoint, OPTIONS, torch.device("cpu"), overwrite=True
    )
    assert segment_all(run) == ["a"]


@pytest.mark.parametrize("larger", [False, True])
def test_test_dev_is_enlarged_and_answers_at_the_given_size(
    davis: MakeDavis,
    tmp_path: Path,
    checkpoint: Checkpoint,
    monkeypatch: pytest.MonkeyPatch,
    larger: bool,
) -> None:
    root = davis({"walk": moving(4, (1, 2))}, split="test-dev")
    if larger:  # DAVIS's Full-Resolution archive is at hand
        small = root / "JPEGImages" / "480p" / "walk"
        (root / "JPEGImages" / "Full-Resolution" / "walk").mkdir(parents=True)
        for path in small.iterdir():
            full = root / "JPEGImages" / "Full-Resolution" / "walk" / path.name
            Image.open(path).resize((256, 192)).save(full)
            Image.new("RGB", (64, 48)).save(path)  # the small ones are not looked at
    for path in sorted((root / "Annotations" / "480p" / "walk").iterdir())[1:]:
        path.unlink()
    benchmark = load_benchmark(root, Protocol.DAVIS2017, "test-dev")
    assert not benchmark.has_truth
    seen: list[np.ndarray] = []
    from kmn_cli.inference.segmenter import VideoSegmenter

    step = VideoSegmenter.step

    def spy(self: VideoSegmenter, frame: np.ndarray, *args: object, **more: object) -> object:
        seen.append(frame)
        return step(self, frame, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(VideoSegmenter, "step", spy)
    segment_all(open_run(benchmark, tmp_path / "out", checkpoint, size=60))
    assert {frame.shape for frame in seen} == {(60, 80, 3)}  # from 48 x 64, or from 192 x 256
    assert all(frame.any() for frame in seen)
    with Image.open(tmp_path / "out" / "walk" / "00003.png") as mask:
        assert mask.size == (64, 48)
    with Image.open(tmp_path / "out" / "walk" / "00000.png") as mask:
        wrong = np.asarray(mask) != moving(4, (1, 2))[0]
    assert wrong.mean() < 0.03  # only edges suffer from going there and back


def test_pictures_are_needed(davis: MakeDavis, tmp_path: Path, checkpoint: Checkpoint) -> None:
    root = davis({"walk": moving(3)}, pictures=False)
    with pytest.raises(InputError, match="walk: no pictures") as caught:
        open_run(load_benchmark(root, Protocol.DAVIS2017), tmp_path / "out", checkpoint)
    assert "--results" in caught.value.hint


def test_every_mask_needs_its_picture(
    davis: MakeDavis, tmp_path: Path, checkpoint: Checkpoint
) -> None:
    root = davis({"a": moving(5), "b": moving(5)})
    (root / "JPEGImages" / "480p" / "b" / "00003.jpg").unlink()
    with pytest.raises(InputError, match=r"b: masks without a picture: 00003\.png"):
        open_run(load_benchmark(root, Protocol.DAVIS2017), tmp_path / "out", checkpoint)


@pytest.mark.parametrize("protocol", [Protocol.DAVIS2016, Protocol.DAVIS2017, Protocol.FOLDER])
def test_what_gives_no_object_is_refused_before_anything_is_segmented(
    davis: MakeDavis, tmp_path: Path, checkpoint: Checkpoint, protocol: Protocol
) -> None:
    nothing = [np.zeros((48, 64), np.uint8)] * 3
    clips = {"a": moving(3), "b": nothing, "c": nothing}
    root = davis(clips, year=2016 if protocol is Protocol.DAVIS2016 else 2017)
    with pytest.raises(InputError) as caught:
        open_run(load_benchmark(root, protocol), tmp_path / "out", checkpoint)
    assert "b: no object" in caught.value.message and "c: no object" in caught.value.message
    assert "a: " not in caught.value.message
    assert "--without b,c " in caught.value.hint


def test_youtube_vos_writes_the_required_frames(tmp_path: Path, checkpoint: Checkpoint) -> None:
    objects = {"1": {"category": "dog", "frames": ["00000", "00002"]}}
    home = tmp_path / "valid"
    for t, labels in enumerate(moving(3)):
        save(home / "JPEGImages" / "v" / f"{t:05d}.png", labels * 90, "L")
    save(home / "Annotations" / "v" / "00000.png", moving(3)[0])
    (home / "meta.json").write_text(json.dumps({"videos": {"v": {"objects": objects}}}))
    run = open_run(load_benchmark(tmp_path, Protocol.YOUTUBE_VOS), tmp_path / "out", checkpoint)
    segment_all(run)
    assert sorted(p.name for p in (tmp_path / "out" / "v").iterdir()) == ["00000.png", "00002.png"]
    assert run.runs["v"].frames == 3


def _video(tmp_path: Path, clip: list[np.ndarray]) -> Video:
    paths = []
    for t, labels in enumerate(clip):
        paths.append(tmp_path / f"{t}.png")
        save(paths[-1], labels)
    return Video("v", (), tuple(paths), ())


def test_an_object_is_given_once_in_the_frame_that_first_shows_it(tmp_path: Path) -> None:
    clip = moving(4, (1, 2))
    for labels in clip[:2]:
        labels[labels == 2] = 255
    given = GivenMasks(_video(tmp_path, clip), Protocol.YOUTUBE_VOS)
    shown = [given(str(t)) for t in range(5)]
    assert [None if m is None else np.unique(m).tolist() for m in shown] == [
        [0, 1],
        None,
        [0, 2],
        None,
        None,
    ]


def test_davis_gives_the_first_mask_only(tmp_path: Path) -> None:
    clip = moving(3, (1, 255))
    clip[1][0, 0] = 3
    video = _video(tmp_path, clip)
    several = GivenMasks(video, Protocol.DAVIS2017)
    first, second = several("0"), several("1")
    assert first is not None and np.unique(first).tolist() == [0, 1]
    assert second is None
    single = GivenMasks(video, Protocol.DAVIS2016)("0")
    assert single is not None and np.array_equal(single > 0, clip[0] > 0)
