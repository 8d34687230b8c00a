"""The front door: files as `kmn segment` makes them, arrays frame by frame, no console."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from results import result_of

import kmn_cli
from kmn_cli.media.labels import read_ids, read_mask

Draw = Callable[..., Path]


@pytest.fixture
def network(tiny_weights: Path) -> kmn_cli.LoadedNetwork:
    return kmn_cli.load_network(tiny_weights, "cpu")


def labels_in(folder: Path) -> list[np.ndarray]:
    return [read_ids(path) for path in sorted(folder.glob("*.png"))]


class TestSegmentVideo:
    def test_as_the_command(
        self, movie: Path, draw: Draw, network, segment: Callable, tmp_path: Path, capfd
    ) -> None:
        mask = draw("m.png", 1, 5)
        counts = []
        result = kmn_cli.segment_video(
            str(movie),
            mask,
            tmp_path / "api",
            network=network,
            progress=lambda *c: counts.append(c),
        )
        assert capfd.readouterr() == ("", "")
        assert counts == [(i, 10) for i in range(1, 11)]
        assert (result.frames, result.object_ids, result.skipped) == (10, (1, 5), False)
        assert set(result.outputs) == {"masks", "overlay"}
        assert all(path.exists() for path in result.outputs.values())
        assert json.loads((result.folder / "result.json").read_text()) == result.document
        assert segment(movie, "--mask", mask).exit_code == 0
        by_command = result_of(tmp_path / "out/cat")
        for name in ("settings", "weights", "objects", "frames", "input_bytes"):
            assert result.document[name] == by_command[name]
        for one, other in zip(
            labels_in(result.outputs["masks"]), labels_in(tmp_path / "out/cat/masks"), strict=True
        ):
            assert np.array_equal(one, other)
        again = kmn_cli.segment_video(movie, mask, tmp_path / "out/cat", network=network)
        assert again.skipped

    def test_masks_as_arrays_by_frame(self, movie: Path, draw: Draw, network, tmp_path) -> None:
        first, later = read_mask(draw("a.png", 1)).labels, read_mask(draw("b.png", 0, 3))
        result = kmn_cli.segment_video(
            movie, {0: first, 4: later}, tmp_path / "out", formats=["masks"], network=network
        )
        labels = labels_in(result.outputs["masks"])
        assert np.array_equal(labels[0], first)
        assert set(np.unique(labels[3])) <= {0, 1} and 3 in labels[4]
        with pytest.raises(kmn_cli.KmnError, match="another run"):
            kmn_cli.segment_video(movie, first * 2, tmp_path / "out", network=network)

    @pytest.mark.parametrize(
        ("mask", "words"),
        [
            (np.zeros((48, 64), np.float32), "float32"),
            (np.full((48, 64), 300), "shape"),
            (np.ones((48, 60), np.uint8), "60x48, but the frames are 64x48"),
            ({99: np.ones((48, 64), np.uint8)}, "has 10 frames"),
            ("missing.png", "no such mask"),
        ],
    )
    def test_bad_masks_are_said(self, movie: Path, network, tmp_path, refuses, mask, words) -> None:
        with refuses(words):
            kmn_cli.segment_video(movie, mask, tmp_path / "out", network=network)
        assert not (tmp_path / "out").exists()

    def test_options_are_the_networks_own_but_for_those_chosen(self, weights_at_32: Path) -> None:
        network = kmn_cli.load_network(weights_at_32, "cpu", "fp32")
        options = network.options(memory_every=3)
        assert (options.size, options.enlarge, options.sigma) == (32, 2, 2.5)
        assert (options.memory_every, options.precision) == (3, "fp32")
        assert network.options(size=64).enlarge == 1


class TestIterSegment:
    def test_a_colour_is_one_object_in_all_its_masks(
        self, movie: Path, network, tmp_path: Path
    ) -> None:
        for name, colour in (("red.png", (255, 0, 0)), ("green.png", (0, 200, 0))):
            picture = np.zeros((48, 64, 3), np.uint8)
            picture[10:30, 10:30] = colour
            Image.fromarray(picture).save(tmp_path / name)
        masks = {0: tmp_path / "red.png", 1: tmp_path / "green.png"}
        first, second = islice(kmn_cli.iter_segment(movie, masks, network=network), 2)
        assert [frame.labels[20, 20] for frame in (first, second)] == [1, 2]

    def test_a_folder_of_masks_is_said(self, movie: Path, network, tmp_path: Path, refuses) -> None:
        with refuses("is a folder"):
            next(kmn_cli.iter_segment(movie, tmp_path, network=network))

    def test_a_file_and_its_frames_as_arrays_give_what_is_written(
        self, movie: Path, draw: Draw, network, tmp_path: Path
    ) -> None:
        mask = draw("m.png", 1, 5)
        result = kmn_cli.segment_video(movie, mask, tmp_path / "out", network=network)
        written = labels_in(result.outputs["masks"])
        of_file = list(kmn_cli.iter_segment(movie, mask, network=network, want_prob=True))
        assert [frame.frame_index for frame in of_file] == list(range(10))
        images = (frame.image for frame in of_file)
        of_arrays = kmn_cli.iter_segment(images, read_mask(mask).labels, network=network)
        for one, other, labels in zip(of_file, of_arrays, written, strict=True):
            assert np.array_equal(one.labels, labels)
            assert np.array_equal(other.labels, labels)
            assert other.prob is None
            assert one.prob.shape == (3, 48, 64)
            assert one.prob.sum(0) == pytest.approx(1, abs=1e-3)
            if one.frame_index:
                assert np.array_equal(np.array([0, 1, 5])[one.prob.argmax(0)], labels)

    def test_later_objects_and_frames_before_the_first_mask(
        self, movie: Path, draw: Draw, network
    ) -> None:
        masks = {2: read_mask(draw("a.png", 7)).labels, 5: draw("b.png", 0, 3)}
        frames = list(kmn_cli.iter_segment(movie, masks, network=network, want_prob=True))
        assert not frames[1].labels.any() and frames[1].prob[0].min() == 1
        assert 7 in frames[2].labels and not frames[4].prob[1].any()  # id 3 comes later
        assert 3 in frames[5].labels and frames[5].prob[1].any()

    def test_a_mask_may_say_that_an_object_is_gone(
        self, movie: Path, draw: Draw, network, tmp_path: Path
    ) -> None:
        mask = read_mask(draw("m.png", 1, 5))
        masks = {0: mask, 4: kmn_cli.Mask(np.zeros_like(mask.labels), absent=(5,))}
        frames = list(kmn_cli.iter_segment(movie, masks, network=network))
        assert 5 in frames[0].labels and not any(5 in frame.labels for frame in frames[4:])
        result = kmn_cli.segment_video(movie, masks, tmp_path / "out", network=network)
        written = labels_in(result.outputs["masks"])
        assert all((a.labels == b).all() for a, b in zip(frames, written, strict=True))

    def test_a_frame_is_asked_for_only_when_the_last_was_taken(self, draw: Draw, network) -> None:
        asked = 0

        def camera():
            nonlocal asked
            while True:
                asked += 1
                yield np.zeros((48, 64, 3), np.uint8)

        frames = kmn_cli.iter_segment(camera(), draw("m.png", 1), network=network)
        for _ in range(3):
            next(frames)
        assert asked == 3
        frames.close()

    def test_names_of_a_folders_frames(self, folder: Path, draw: Draw, network) -> None:
        frames = kmn_cli.iter_segment(
            folder, {"00025": draw("m.png", 4)}, network=network, end="3f"
        )
        assert [4 in frame.labels for frame in frames] == [False, True, True]

    def test_what_cannot_be_used_is_said(self, movie: Path, draw: Draw, network, refuses) -> None:
        mask = draw("m.png", 1)
        with refuses("Frame 0", "float64"):
            next(kmn_cli.iter_segment([np.zeros((48, 64, 3))], mask, network=network))
        with refuses("mask for frame 12"):
            list(kmn_cli.iter_segment(movie, {0: mask, 12: mask}, network=network))


class TestSegmentBatch:
    @pytest.fixture
    def shelf(self, movie: Path, draw: Draw, tmp_path: Path) -> Path:
        for name in ("a", "b"):
            path = tmp_path / f"shelf/{name}.mp4"
            path.parent.mkdir(exist_ok=True)
            shutil.copy(movie, path)
            draw(f"masks/{name}.png", 1)
        return tmp_path / "shelf"

    def test_one_that_fails_does_not_stop_the_other(
        self, shelf: Path, tiny_weights: Path, tmp_path: Path, capfd
    ) -> None:
        (shelf / "a.mp4").write_text("no video")
        events: list[kmn_cli.Event] = []
        jobs = kmn_cli.find_jobs(shelf, tmp_path / "masks", tmp_path / "out")
        done = kmn_cli.segment_batch(
            jobs, tmp_path / "out", weights=tiny_weights, on_event=events.append
        )
        assert capfd.readouterr() == ("", "")
        assert [result.folder.name for result in done.videos] == ["b"]
        assert list(done.failed) == [shelf / "a.mp4"]
        assert done.failed[shelf / "a.mp4"].exit_code == 3
        assert json.loads((tmp_path / "out/summary.json").read_text()) == done.document
        names = [event.name for event in events if event.name != "frame"]
        assert names == ["started", "failed", "started", "stages", "finished", "summary"]
        counts = [event.facts["done"] for event in events if event.name == "frame"]
        assert counts == list(range(1, 11))

    def test_what_is_logged(
        self, shelf: Path, tiny_weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        jobs = kmn_cli.find_jobs([shelf / "b.mp4"], tmp_path / "masks", tmp_path / "out")
        with caplog.at_level("INFO", "kmn_cli"):
            kmn_cli.segment_batch(jobs, tmp_path / "out", weights=tiny_weights)
        assert any(text.startswith("device: ") for text in caplog.messages)
        assert any("b: 10 frames" in text for text in caplog.messages)


def test_results_are_exported(movie: Path, draw: Draw, network, tmp_path: Path, refuses) -> None:
    out = tmp_path / "out"
    kmn_cli.segment_video(movie, draw("m.png", 1, 5), out, network=network, formats=["masks"])
    written = kmn_cli.export_masks(out, "coco", objects=[5], names={5: "dog"})
    assert written == out / "export/coco.json"
    document = json.loads(written.read_text())
    assert [category["name"] for category in document["categories"]] == ["dog"]
    assert kmn_cli.export_masks(out, "overlay", tmp_path / "x.mp4").exists()
    with refuses("no format 'gif'", exit_code=2):
        kmn_cli.export_masks(out, "gif")


def test_several_masks_of_one_frame_are_several_objects(
    movie: Path, draw: Draw, network, tmp_path: Path
) -> None:
    masks = [draw("a.png", 255), draw("b.png", 0, 255)]
    result = kmn_cli.segment_video(movie, masks, tmp_path / "out", network=network)
    assert result.object_ids == (1, 2)
    first = next(kmn_cli.iter_segment(movie, masks, network=network))
    assert set(np.unique(first.labels)) == {0, 1, 2}


def test_how_torchs_threads_wait_is_said_unless_the_user_says_it() -> None:
    show = "import os, kmn_cli; print(os.environ.get('GOMP_SPINCOUNT'))"
    ours = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    for users, seen in (
        ({}, "1000"),
        ({"GOMP_SPINCOUNT": "5"}, "5"),
        ({"OMP_WAIT_POLICY": "active"}, "None"),
    ):
        run = subprocess.run(
            [sys.executable, "-c", show], env={**ours, **users}, capture_output=True
        )
        assert run.stdout.decode().strip() == seen
