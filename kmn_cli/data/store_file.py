"""A store on disk: frames end to end in NAME.bin, and a line for each clip in NAME.jsonl.

A clip counts once its line is whole, so that decoding goes on wherever it was stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kmn_cli.data.decode import Stored, Unusable
from kmn_cli.data.scan import MIN_FRAMES, Pair
from kmn_cli.errors import KmnError


@dataclass
class StoredClip:
    """What was stored of one clip.

    Attributes:
        end: bytes of data up to here.
        frames: [offset, height, width], or packed [offset, bytes of the JPEG, of the PNG]; none
            where the clip is not usable.
        skipped: [reason, path] of what was left out.
    """

    end: int
    frames: list[list[int]] = field(default_factory=list)
    skipped: list[list[str]] = field(default_factory=list)


class StoreFile:
    """Reads and continues the two files of a store.

    Attributes:
        data: the file of frames.
        clips: those stored, in the order of the scan.
    """

    def __init__(self, base: Path) -> None:
        self.data, self._index = base.with_suffix(".bin"), base.with_suffix(".jsonl")
        self.clips: list[StoredClip] = []
        self._index_end = 0
        if not (self.data.exists() and self._index.exists()):
            return
        size = self.data.stat().st_size
        for line in self._index.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n") or (clip := StoredClip(**json.loads(line))).end > size:
                break
            self.clips.append(clip)
            self._index_end += len(line)

    @property
    def size(self) -> int:
        """Bytes of the frames stored."""
        return self.clips[-1].end if self.clips else 0

    def append(
        self,
        clips: Sequence[Sequence[Pair]],
        frames: Iterator[Stored | Unusable],
        on_frame: Callable[[], None],
    ) -> None:
        """Store further clips, whose frames come in their order.

        Raises:
            KmnError: the disk cannot be written.
        """
        try:
            with self.data.open("ab") as data, self._index.open("ab") as index:
                data.truncate(self.size)
                index.truncate(self._index_end)
                for pairs in clips:
                    clip = StoredClip(self.size)
                    for _ in pairs:
                        frame = next(frames)
                        on_frame()
                        if isinstance(frame, Unusable):
                            clip.skipped.append([frame.reason, str(frame.path)])
                        else:
                            clip.frames.append([clip.end, frame.first, frame.second])
                            clip.end += data.write(frame.data)
                    if len(clip.frames) < min(len(pairs), MIN_FRAMES):
                        if clip.frames:
                            reason = f"video with fewer than {MIN_FRAMES} readable frames"
                            clip.skipped.append([reason, str(pairs[0].image.parent)])
                        clip.frames, clip.end = [], self.size
                        data.truncate(self.size)
                    data.flush()
                    index.write(f"{json.dumps(asdict(clip))}\n".encode())
                    index.flush()
                    self.clips.append(clip)
        except OSError as error:
            raise KmnError(
                f"Cannot write {self.data}: {error.strerror or error}.",
                "What was decoded is kept: make room and run the command again, or name another "
                "disk with --cache.",
            ) from error
