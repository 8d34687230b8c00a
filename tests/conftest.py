"""Fixtures for all tests: clips made with ffmpeg, and the mask of their square."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from made_clips import SIZE, ffmpeg, square_image, square_labels

from kmn_cli.errors import KmnError

pytest_plugins = ["command_fixtures"]


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is left in the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_interrupts() -> None:
    """Also where a shell has the tests run in the background, which makes them ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def refuses() -> Callable[..., AbstractContextManager[None]]:
    """A context in which an error for the user must come: its text, exit code and a hint."""

    @contextmanager
    def check(*words: str, exit_code: int = 3) -> Iterator[None]:
        with pytest.raises(KmnError) as caught:
            yield
        error = caught.value
        assert error.exit_code == exit_code
        assert error.hint
        for word in words:
            assert word in str(error)

    return check


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A factory of clips: make_clip("name.mp4", frames=10, size=(64, 48), fps="25", ...).

    The square moves by 4 pixels a frame. `encode` are ffmpeg's arguments for the output.
    """

    def make(
        name: str,
        *,
        frames: int = 10,
        size: tuple[int, int] = SIZE,
        fps: str = "25",
        audio: bool = True,
        encode: Sequence[str] = ("-c:v", "libx264", "-crf", "10"),
    ) -> Path:
        path = tmp_path_factory.mktemp("clip") / name
        data = b"".join(square_image(i, size).tobytes() for i in range(frames))
        source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}"]
        source += ["-framerate", fps, "-i", "pipe:0"]
        if audio:
            source += ["-f", "lavfi", "-i", "sine=frequency=440", "-shortest"]
        ffmpeg(*source, *encode, str(path), data=data)
        return path

    return make


@pytest.fixture(scope="session")
def clip(make_clip: Callable[..., Path]) -> Path:
    """Ten frames of 64x48 at 25 a second, with audio."""
    return make_clip("clip.mp4")


@pytest.fixture
def square_mask() -> np.ndarray:
    """The labels of the clip's first frame: (48, 64) uint8, object 1."""
    return square_labels(0)


@pytest.fixture
def square_mask_file(tmp_path: Path, square_mask: np.ndarray) -> Path:
    """The same as an index PNG."""
    from kmn_cli.media.masks import write_mask

    path = tmp_path / "square-mask.png"
    write_mask(path, square_mask)
    return path
