from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mask_clips import moving, save
from PIL import Image

from kmn_cli.errors import InputError
from kmn_cli.evaluation.benchmark import load_benchmark
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.submission import write_submission
from kmn_cli.media.palette import voc_palette

MakeDavis = Callable[..., Path]


def test_davis_has_its_sequences_at_the_root(
    davis: MakeDavis, results: Path, tmp_path: Path
) -> None:
    root = davis({"a": moving(3), "b": moving(3)}, {"a": moving(3), "b": moving(3)})
    save(results / "a" / "00099.png", moving(3)[0])  # of no frame: stays out
    count = write_submission(load_benchmark(root, Protocol.DAVIS2017), results, tmp_path / "s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        names = archive.namelist()
        assert archive.read("b/00001.png") == (results / "b" / "00001.png").read_bytes()
    assert names == [f"{s}/{t:05d}.png" for s in "ab" for t in range(3)]
    assert count == 6


def test_youtube_vos_has_a_top_folder_and_the_required_frames_only(tmp_path: Path) -> None:
    objects = {
        "1": {"category": "dog", "frames": ["00000", "00005"]},
        "2": {"category": "cat", "frames": ["00005", "00010"]},
    }
    home = tmp_path / "valid"
    save(home / "Annotations" / "v" / "00000.png", moving(1)[0])
    (home / "meta.json").write_text(json.dumps({"videos": {"v": {"objects": objects}}}))
    for t in range(0, 15):  # inference over all frames
        save(tmp_path / "r" / "v" / f"{t:05d}.png", moving(1)[0])
    benchmark = load_benchmark(tmp_path, Protocol.YOUTUBE_VOS)
    write_submission(benchmark, tmp_path / "r", tmp_path / "s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        assert archive.namelist() == [f"Annotations/v/{t:05d}.png" for t in (0, 5, 10)]


def test_what_is_missing_or_wrong_is_listed_and_nothing_written(
    davis: MakeDavis, results: Path, tmp_path: Path
) -> None:
    root = davis({"a": moving(4), "b": moving(4)}, {"a": moving(4), "b": moving(4)})
    (results / "a" / "00000.png").unlink()  # not scored, but wanted by the server
    save(results / "b" / "00002.png", moving(4)[2][:20])
    with pytest.raises(InputError) as caught:
        write_submission(load_benchmark(root, Protocol.DAVIS2017), results, tmp_path / "s.zip")
    assert "a: 1 of 4 masks missing: 00000.png" in caught.value.message
    assert "b: 1 of 4 masks not 64x48: 00002.png (64x20)" in caught.value.message
    assert not (tmp_path / "s.zip").exists()


def test_ids_that_the_server_refuses_are_named(
    davis: MakeDavis, results: Path, tmp_path: Path
) -> None:
    root = davis({"a": moving(3)}, {"a": [m * 255 for m in moving(3)]})
    with pytest.raises(InputError, match=r"holds id 255, but a has 1 object: 1\."):
        write_submission(load_benchmark(root, Protocol.DAVIS2017), results, tmp_path / "s.zip")


@pytest.mark.parametrize("protocol", [Protocol.YOUTUBE_VOS, Protocol.FOLDER])
def test_only_ids_that_were_given_are_packed(tmp_path: Path, protocol: Protocol) -> None:
    home, results = tmp_path / "valid", tmp_path / "r" / "v"
    given = moving(3, ids=(2, 7))
    save(home / "Annotations" / "v" / "00000.png", given[0])
    for t in range(3):
        save(home / "JPEGImages" / "v" / f"{t:05d}.png", given[t], "RGB")
        save(results / f"{t:05d}.png", given[t])
    frames = [f"{t:05d}" for t in range(3)]
    objects = {str(i): {"category": "dog", "frames": frames} for i in (2, 7)}
    (home / "meta.json").write_text(json.dumps({"videos": {"v": {"objects": objects}}}))
    benchmark = load_benchmark(tmp_path, protocol, "valid")
    assert write_submission(benchmark, tmp_path / "r", tmp_path / "s.zip") == 3
    for wrong in (1, 37, 255):
        save(results / "00001.png", np.where(given[1] == 2, wrong, given[1]))
        with pytest.raises(InputError, match=f"00001.png: holds id {wrong}.* 2 objects: 2, 7"):
            write_submission(benchmark, tmp_path / "r", tmp_path / "no.zip")
    assert not (tmp_path / "no.zip").exists()


def test_where_the_truth_is_black_and_white_the_results_may_be(tmp_path: Path) -> None:
    for t, labels in enumerate(moving(3)):
        save(tmp_path / "truth" / "v" / f"{t}.png", labels * 255)
        save(tmp_path / "r" / "v" / f"{t}.png", labels * 255, "L")
    benchmark = load_benchmark(tmp_path / "truth", Protocol.FOLDER)
    assert write_submission(benchmark, tmp_path / "r", tmp_path / "s.zip") == 3


@pytest.mark.parametrize("mode", ["L", "I;16", "RGB"])
def test_all_that_is_packed_are_index_pngs(
    davis: MakeDavis, results: Path, tmp_path: Path, mode: str
) -> None:
    clip = moving(3, ids=(1, 2))
    root = davis({"a": clip}, {"a": clip})
    folder = root / "Annotations" / "480p" / "a"
    for t, labels in enumerate(clip):
        values = voc_palette()[labels] if mode == "RGB" else labels
        image = Image.fromarray(values.astype(np.uint16 if mode == "I;16" else np.uint8))
        assert image.mode == mode
        image.save(results / "a" / f"{t:05d}.png")
    write_submission(load_benchmark(root, Protocol.DAVIS2017), results, tmp_path / "s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip") as archive, Image.open(folder / "00000.png") as first:
        for t, labels in enumerate(clip):
            with archive.open(f"a/{t:05d}.png") as file, Image.open(file) as mask:
                assert mask.format == "PNG" and mask.mode == "P"
                assert mask.getpalette() == first.getpalette()
                np.testing.assert_array_equal(np.asarray(mask), labels)
