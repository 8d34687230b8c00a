"""One video's segmentation: the network, its memory, and the objects' ids."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kmn_cli.errors import InputError
from kmn_cli.inference.frame_size import FrameSize
from kmn_cli.inference.memory_bank import MemoryBank
from kmn_cli.inference.network import Network
from kmn_cli.inference.segment_options import SegmentOptions
from kmn_cli.inference.stopwatch import Stopwatch
from kmn_cli.model import KMN
from kmn_cli.model.kmn import Query
from kmn_cli.model.memory_read import read_tiled

FRAMES_AHEAD = 4


class Prediction(NamedTuple):
    """The answer for one frame, at the video's size."""

    labels: np.ndarray  # (H, W) uint8 object ids, 0 background
    prob: np.ndarray | None  # (K + 1, H, W) float32, background first, then `object_ids`


class _Group(NamedTuple):
    """Objects that entered in the same frame, and so share a history."""

    bank: MemoryBank
    objects: slice  # of the object axis


class VideoSegmenter:
    """Segments one video, frame by frame in order.

    Args:
        model: the network; it is left as it is and copied, unless `ready_for_inference` made it.
        options: how to segment; None is what the network says it is best at.
        device: to run on.
        exact_times: tell the parts of the network apart in `seconds` also where that costs time.

    Attributes:
        object_ids: ids of the objects so far, in the order of `Prediction.prob`.
        precision: "fp32", "bf16" or "int8".
        seconds: spent in `step`, by part of the work.
    """

    def __init__(
        self,
        model: KMN,
        options: SegmentOptions | None = None,
        device: torch.device | str = "cpu",
        *,
        exact_times: bool = False,
    ) -> None:
        self.options = options = options or SegmentOptions.best_for(model.config)
        self.device = torch.device(device)
        self.object_ids: tuple[int, ...] = ()
        self._watch = Stopwatch(self.device, exact_times)
        self.seconds = self._watch.seconds
        self._network = Network(model, self.device, options.precision)
        self.precision = self._network.precision
        self._groups: list[_Group] = []
        self._size: FrameSize | None = None
        self._frame = 0
        self._ahead: deque[tuple[Tensor, Query]] = deque()
        # What the next step memorizes first; the last frame of a video is never memorized.
        self._last: tuple[Tensor, Tensor, bool] | None = None

    @property
    def dropped_frames(self) -> int:
        """Memory frames that the limit has dropped so far."""
        return sum(group.bank.dropped for group in self._groups)

    @property
    def frames_ahead(self) -> int:
        """How many frames `look_ahead` is best given; 1 where it brings nothing."""
        if self._last is None:
            return 1
        return min(FRAMES_AHEAD, self._network.at_once(self._last[0]))

    @torch.inference_mode()
    def look_ahead(self, frames: Sequence[np.ndarray]) -> None:
        """Encodes, together, the frames that the next calls of `step` will bring: what does not
        depend on their past is faster so on a GPU."""
        size = self._check(frames[0], None)
        self._watch.start()
        # A frame of another size is an error, but not before its turn.
        like_first = [frame for frame in frames if frame.shape == frames[0].shape]
        images = [self._network.image(frame, size) for frame in like_first]
        self._watch.lap("scaling")
        queries = self._network.encode_query(torch.cat(images))
        self._ahead.extend((image, queries.every(len(images), n)) for n, image in enumerate(images))
        self._watch.lap("query encoder")

    @torch.inference_mode()
    def step(
        self, frame: np.ndarray, mask: np.ndarray | None = None, *, want_prob: bool = False
    ) -> Prediction:
        """Segments the next frame.

        Args:
            frame: (H, W, 3) uint8 RGB.
            mask: (H, W) uint8 object ids. It adds the ids that are new and corrects those it
                names; objects it does not name are segmented as ever. The first frame needs one.
            want_prob: also return probabilities.

        Raises:
            InputError: no mask yet, a mask without objects, or another size than before.
        """
        size = self._check(frame, mask)
        self._watch.start()
        self._memorize_last()
        self._watch.lap("memory encoder")
        if self._ahead:
            image, query = self._ahead.popleft()
        else:
            image, query = self._network.image(frame, size), None
            self._watch.lap("scaling")
        if self.object_ids:
            prob = self._predict(image, query)
        else:
            prob = image.new_ones(1, *image.shape[2:])
        given = None if mask is None else self._network.to_device(mask)
        if given is not None:
            prob = self._take_over(prob, given, size)
        labels = self._labels(prob, given, size)
        wanted = size.prob_from_net(prob).cpu().numpy() if want_prob else None
        self._last = (image, prob[1:], given is not None)
        answer = Prediction(labels.cpu().numpy(), wanted)
        self._frame += 1
        self._watch.lap("scaling")
        return answer

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What a new segmenter of the same network and options needs to go on from here.

        Returns:
            Plain facts, fit for JSON, and tensors by name.

        Raises:
            ValueError: before the first step.
        """
        if self._size is None or self._last is None:
            raise ValueError("there is nothing to continue before the first step")
        image, masks, given = self._last
        groups, tensors = [], {"image": image, "masks": masks}
        for number, (bank, objects) in enumerate(self._groups):
            facts, parts = bank.state()
            groups.append({"bank": facts, "objects": [objects.start, objects.stop]})
            for name, part in zip(("key", "value"), parts, strict=False):
                tensors[f"{name}.{number}"] = part
        facts = {
            "frame": self._frame,
            "size": [self._size.height, self._size.width],
            "object_ids": list(self.object_ids),
            "given": given,
            "groups": groups,
        }
        return facts, tensors

    @torch.inference_mode()
    def restore(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Continue, bit for bit, where the segmenter stood that gave this state."""
        groups = []
        for number, group in enumerate(facts["groups"]):
            bank = MemoryBank(self.options.memory_every, self.options.max_memory_frames)
            names = [f"{name}.{number}" for name in ("key", "value")]
            parts = [tensors[name].to(self.device) for name in names if name in tensors]
            bank.restore(group["bank"], parts)
            groups.append(_Group(bank, slice(*group["objects"])))
        image = tensors["image"].to(self.device).contiguous(memory_format=torch.channels_last)
        height, width = facts["size"]
        self._size = FrameSize.for_short_side(height, width, self.options.size)
        self._frame, self.object_ids = facts["frame"], tuple(facts["object_ids"])
        self._last = (image, tensors["masks"].to(self.device), facts["given"])
        self._groups = groups

    def _check(self, frame: np.ndarray, mask: np.ndarray | None) -> FrameSize:
        height, width = frame.shape[:2]
        if self._size is None:
            self._size = FrameSize.for_short_side(height, width, self.options.size)
        if (height, width) != (self._size.height, self._size.width):
            raise InputError(
                f"Frame {self._frame} is {width}x{height}, the first one was "
                f"{self._size.width}x{self._size.height}.",
                "Use one VideoSegmenter for each video.",
            )
        if mask is None and not self.object_ids:
            raise InputError("The first frame needs a mask.", "Pass mask to the first step.")
        if mask is not None and mask.shape != (height, width):
            raise InputError(
                f"The mask is {mask.shape[1]}x{mask.shape[0]}, the frame {width}x{height}.",
                "Both must have the same size.",
            )
        if mask is not None and not mask.any():
            raise InputError("The mask is empty.", "Mark at least one object in it.")
        return self._size

    def _memorize_last(self) -> None:
        """Encodes the frame before with what was found on it."""
        if self._last is None:
            return
        image, masks, given = self._last
        key, value = self._network.memorize(image, masks)
        for bank, objects in self._groups:
            bank.add(self._frame - 1, key[objects], value[objects], given=given)

    def _predict(self, image: Tensor, query: Query | None) -> Tensor:
        """Probabilities (K + 1, H', W') of the objects so far."""
        query = query or self._network.encode_query(image)
        self._watch.lap("query encoder")
        key, sigma = query.key[0].float(), self.options.sigma
        readout = torch.cat([read_tiled(key, *group.bank.read(), sigma) for group in self._groups])
        self._watch.lap("read")
        prob = self._network.decode(readout, query, image)
        self._watch.lap("decoder")
        return prob

    def _take_over(self, prob: Tensor, given: Tensor, size: FrameSize) -> Tensor:
        """Probabilities with a given mask in place of the objects it names."""
        named = [int(i) for i in given.unique() if i > 0]
        new = [i for i in named if i not in self.object_ids]
        if new:
            start = len(self.object_ids)
            self.object_ids += tuple(new)
            bank = MemoryBank(self.options.memory_every, self.options.max_memory_frames)
            self._groups.append(_Group(bank, slice(start, start + len(new))))
        labels = size.labels_to_net(given)
        objects = torch.cat([prob[1:], prob.new_zeros(len(new), *prob.shape[1:])])
        objects = objects * (labels == 0)
        for channel, object_id in enumerate(self.object_ids):
            if object_id in named:
                objects[channel] = labels == object_id
        background = (1 - objects.sum(0, keepdim=True)).clamp(min=0)
        return torch.cat([background, objects])

    def _labels(self, prob: Tensor, given: Tensor | None, size: FrameSize) -> Tensor:
        """Object ids (H, W) uint8; a given mask is kept to the pixel."""
        ids = torch.tensor([0, *self.object_ids], dtype=torch.uint8, device=self.device)
        labels = ids[size.channels_from_net(prob).long()]
        if given is None:
            return labels
        others = labels.masked_fill(torch.isin(labels, given.unique()), 0)
        return torch.where(given > 0, given, others)
