"""Which memory frames stay, and where their keys and values lie."""

from __future__ import annotations

from typing import Any

from torch import Tensor


class MemoryBank:
    """The memory of objects that share one history.

    Kept are the frames whose mask was given, every `every`-th frame, and the previous frame, which
    leaves again when the next one comes unless it is one of the others (section 5.2). Beyond
    `max_frames` the oldest frame whose mask was not given is overwritten; the first one, whose mask
    is the surest, stays.

    Slot 0 belongs to the previous frame and is overwritten; kept frames fill slots 1, 2, … in the
    layout that the read wants, so that a read copies nothing.

    Args:
        every: distance of the intermediate frames that are kept.
        max_frames: most frames held, the previous one included; 0 is no limit, as in the paper.
    """

    def __init__(self, every: int = 5, max_frames: int = 0) -> None:
        if every < 1 or max_frames < 0 or max_frames == 1:
            raise ValueError("every must be at least 1, max_frames 0 or at least 2")
        self.every = every
        self.max_kept = max_frames - 1 if max_frames else None
        self.dropped = 0
        self._kept: list[int] = []  # frame in slot 1, 2, …
        self._given: set[int] = set()
        self._previous: int | None = None  # frame in slot 0
        self._slots: tuple[Tensor, Tensor] | None = None  # (K, slots, hw, C_k) and C_v

    @property
    def frames(self) -> list[int]:
        """Frames in the memory, in order."""
        previous = [] if self._previous is None else [self._previous]
        return sorted(self._kept + previous)

    def add(self, frame: int, key: Tensor, value: Tensor, given: bool = False) -> None:
        """Remembers a frame, newer than all before.

        Args:
            frame: its number.
            key: (K, hw, C_k).
            value: (K, hw, C_v).
            given: its mask came from the user.
        """
        if given:
            self._given.add(frame)
        # With a single slot beside the previous frame's, the first frame has it for good.
        only_first = self.max_kept == 1 and bool(self._kept)
        if (given or frame % self.every == 0) and not only_first:
            self._previous = None
            slot = self._slot_to_keep(frame)
        else:
            self._previous = frame
            slot = 0
        for store, part in zip(self._storage(slot, key, value), (key, value), strict=True):
            store[:, slot] = part

    def read(self) -> tuple[Tensor, Tensor]:
        """Keys (K, N, C_k) and values (K, N, C_v) of all frames held, as views."""
        if self._slots is None:
            raise ValueError("the memory is empty")
        start = 1 if self._previous is None else 0
        key, value = (store[:, start : 1 + len(self._kept)].flatten(1, 2) for store in self._slots)
        return key, value

    def state(self) -> tuple[dict[str, Any], list[Tensor]]:
        """What `restore` needs: plain facts, and keys and values (K, frames, hw, C) of the frames
        held; no tensors while there are none."""
        facts = {
            "kept": self._kept,
            "given": sorted(self._given),
            "previous": self._previous,
            "dropped": self.dropped,
            "room": 0 if self._slots is None else self._slots[0].shape[1],
        }
        start = 1 if self._previous is None else 0
        return facts, [store[:, start : 1 + len(self._kept)] for store in self._slots or ()]

    def restore(self, facts: dict[str, Any], tensors: list[Tensor]) -> None:
        """Become the bank that gave this state, of the same limits."""
        self._kept, self._given = list(facts["kept"]), set(facts["given"])
        self._previous, self.dropped = facts["previous"], facts["dropped"]
        if tensors:
            start = 1 if self._previous is None else 0
            key, value = (
                part.new_zeros(len(part), facts["room"], *part.shape[2:]) for part in tensors
            )
            for store, part in zip((key, value), tensors, strict=True):
                store[:, start : start + part.shape[1]] = part
            self._slots = (key, value)

    def _slot_to_keep(self, frame: int) -> int:
        """The slot for a frame that stays: a new one, or that of a frame that is dropped."""
        if self.max_kept is None or len(self._kept) < self.max_kept:
            self._kept.append(frame)
            return len(self._kept)
        # The frame in slot 1 is the first one.
        oldest = min(self._kept[1:], key=lambda kept: (kept in self._given, kept))
        index = self._kept.index(oldest)
        self._kept[index] = frame
        self.dropped += 1
        return index + 1

    def _storage(self, slot: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Room for a slot: all of it at once under a limit, else doubled when it is full."""
        room = 0 if self._slots is None else self._slots[0].shape[1]
        if slot >= room:
            wanted = self.max_kept + 1 if self.max_kept else max(4, 2 * room)
            grown = [part.new_empty(len(part), wanted, *part.shape[1:]) for part in (key, value)]
            for new, old in zip(grown, self._slots or (), strict=False):
                new[:, :room] = old
            self._slots = (grown[0], grown[1])
        assert self._slots is not None
        return self._slots
