from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from mask_clips import moving, save

from kmn_cli.errors import InputError
from kmn_cli.evaluation.benchmark import load_benchmark
from kmn_cli.evaluation.protocol import Protocol
from kmn_cli.evaluation.submission import write_submission

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
    with pytest.raises(InputError, match="holds id 255"):
        write_submission(load_benchmark(root, Protocol.DAVIS2017), results, tmp_path / "s.zip")
