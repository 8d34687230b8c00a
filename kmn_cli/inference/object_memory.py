"""The memory of all objects of a video, which need not have entered together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from kmn_cli.inference.look_back import Given, agreement
from kmn_cli.inference.memory_bank import MemoryBank
from kmn_cli.inference.network import Network
from kmn_cli.inference.segment_options import SegmentOptions
from kmn_cli.model.kmn import Query


class _Group(NamedTuple):
    """Objects that entered in the same frame, and so share a history."""

    bank: MemoryBank
    objects: slice  # of the object axis
    given: Given  # in that frame


class ObjectMemory:
    """What is remembered of the objects of one video.

    Args:
        network: ready to run.
        options: the read's kernel, and which frames stay.

    Attributes:
        object_ids: of the K objects so far, in the order of every object axis.
    """

    def __init__(self, network: Network, options: SegmentOptions) -> None:
        self.object_ids: tuple[int, ...] = ()
        self._network, self._options = network, options
        self._groups: list[_Group] = []

    @property
    def frames(self) -> list[list[int]]:
        """The frames held, for each group of objects that entered together."""
        return [group.bank.frames for group in self._groups]

    @property
    def dropped(self) -> int:
        """Frames that the limit has dropped so far."""
        return sum(group.bank.dropped for group in self._groups)

    def admit(self, ids: Sequence[int], given: Given) -> None:
        """Begin a history of new objects, whose masks are given in a frame."""
        objects = slice(len(self.object_ids), len(self.object_ids) + len(ids))
        self.object_ids += tuple(ids)
        self._groups.append(_Group(self._bank(), objects, given))

    def add(self, frame: int, image: Tensor, masks: Tensor, named: Sequence[int]) -> None:
        """Remember a frame.

        Args:
            frame: its number.
            image: (1, 3, H', W').
            masks: (K, H', W').
            named: ids of the objects whose masks were given.
        """
        key, value = self._network.memorize(image, masks)
        for bank, objects, _ in self._groups:
            # Only a mask that was given stays for good: the guesses beside it do not.
            given = not set(self.object_ids[objects]).isdisjoint(named)
            bank.add(frame, key[objects], value[objects], given=given)

    def read(self, query: Query) -> Tensor:
        """The readout (K, C_v, h, w) for a frame."""
        sigma, banks = self._options.sigma, [group.bank.read() for group in self._groups]
        return torch.cat([self._network.read(query, bank, sigma) for bank in banks])

    def look_back(self, image: Tensor, masks: Tensor) -> dict[int, float]:
        """How well one frame alone finds each object where its first mask was given.

        Args:
            image: (1, 3, H', W').
            masks: (K, H', W'), found on it.

        Returns:
            Intersection over union with the given mask, 0 to 1, by object id.
        """
        key, value = self._network.memorize(image, masks)
        found: dict[int, float] = {}
        for _, objects, given in self._groups:
            memory = (key[objects], value[objects])
            values = agreement(self._network, given, memory, self._options.sigma)
            found.update(zip(self.object_ids[objects], values, strict=True))
        return found

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What `restore` needs: plain facts, fit for JSON, and tensors by name."""
        groups: list[dict[str, Any]] = []
        tensors: dict[str, Tensor] = {}
        for number, (bank, objects, given) in enumerate(self._groups):
            facts, parts = bank.state()
            tensors |= {f"given.image.{number}": given.image, f"given.masks.{number}": given.masks}
            for name, part in zip(("key", "value"), parts, strict=False):
                tensors[f"{name}.{number}"] = part
            groups.append({"bank": facts, "objects": [objects.start, objects.stop]})
        return {"object_ids": list(self.object_ids), "groups": groups}, tensors

    def restore(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Become the memory that gave this state, of the same network and options."""
        self.object_ids, self._groups = tuple(facts["object_ids"]), []
        device = self._network.device
        for number, group in enumerate(facts["groups"]):
            bank, names = self._bank(), [f"{name}.{number}" for name in ("key", "value")]
            bank.restore(group["bank"], [tensors[n].to(device) for n in names if n in tensors])
            given = Given(
                on_device(tensors[f"given.image.{number}"], device),
                tensors[f"given.masks.{number}"].to(device),
            )
            self._groups.append(_Group(bank, slice(*group["objects"]), given))

    def _bank(self) -> MemoryBank:
        return MemoryBank(self._options.memory_every, self._options.max_memory_frames)


def on_device(image: Tensor, device: torch.device) -> Tensor:
    """An image (1, 3, H', W') in the layout that the network is fastest with."""
    return image.to(device).contiguous(memory_format=torch.channels_last)
