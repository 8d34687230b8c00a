"""One video's segmentation: the network, its memory, and the objects' ids."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kmn_cli.errors import InputError
from kmn_cli.inference.frame_check import check_frame, check_mask
from kmn_cli.inference.given_mask import GivenMask
from kmn_cli.inference.look_back import Given
from kmn_cli.inference.network import Network
from kmn_cli.inference.object_memory import ObjectMemory, on_device
from kmn_cli.inference.seen import reads_itself, seen
from kmn_cli.inference.segment_options import SegmentOptions
from kmn_cli.inference.stopwatch import Stopwatch
from kmn_cli.inference.view import View
from kmn_cli.model.kmn import Query

FRAMES_AHEAD = 4


class Prediction(NamedTuple):
    """The answer for one frame, at the video's size."""

    labels: np.ndarray  # (H, W) uint8 object ids, 0 background
    prob: np.ndarray | None = None  # (K + 1, H, W) float32, background first, then `object_ids`
    soft: np.ndarray | None = None  # the same in eight bits: uint8, 255 is certain


class _Last(NamedTuple):
    """The frame before, and what was found or given there."""

    image: Tensor  # (1, 3, H', W')
    masks: Tensor  # (K, H', W')
    named: tuple[int, ...]  # ids of the objects whose masks were given


class VideoSegmenter:
    """Segments one video, frame by frame in order.

    Args:
        network: made by `ready_for_inference`; many segmenters may share it.
        options: how to segment; None is what the network says it is best at. Their precision is
            the network's affair.
        exact_times: tell the parts of the network apart in `seconds` also where that costs time.
        warn: told of objects that the network is too coarse for.

    Attributes:
        network: as given.
        seconds: spent in `step`, by part of the work.
    """

    def __init__(
        self,
        network: Network,
        options: SegmentOptions | None = None,
        *,
        exact_times: bool = False,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.options = options or SegmentOptions.best_for(network.config)
        self.network, self._warn = network, warn
        self._memory = ObjectMemory(network, self.options)
        self._watch = Stopwatch(network.device, exact_times)
        self.seconds = self._watch.seconds
        self._view: View | None = None
        self._moves = self.options.view == "auto"  # the view, with the objects
        self._frame = 0
        self._absent: frozenset[int] = frozenset()  # ids of objects that were said to be gone
        self._ahead: deque[tuple[Tensor, Query]] = deque()
        # What the next step memorizes first; the last frame of a video is never memorized.
        self._last: _Last | None = None

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Ids of the objects so far, in the order of `Prediction.prob`."""
        return self._memory.object_ids

    @property
    def dropped_frames(self) -> int:
        """Memory frames that the limit has dropped so far."""
        return self._memory.dropped

    @property
    def frames_ahead(self) -> int:
        """How many frames `look_ahead` is best given; 1 where it brings nothing."""
        if self._last is None or self._moves:  # where the view will be is not known
            return 1
        return min(FRAMES_AHEAD, self.network.at_once(self._last.image))

    @torch.inference_mode()
    def look_ahead(self, frames: Sequence[np.ndarray]) -> None:
        """Encodes, together, the frames that the next calls of `step` will bring: what does not
        depend on their past is faster so on a GPU."""
        view = self._check(frames[0], None)
        self._watch.start()
        # A frame of another size is an error, but not before its turn.
        like_first = [frame for frame in frames if frame.shape == frames[0].shape]
        images = [seen(frame, view, self.network.device) for frame in like_first]
        self._watch.lap("scaling")
        queries = self.network.encode_query(torch.cat(images))
        self._ahead.extend(zip(images, queries.split(1), strict=True))
        self._watch.lap("query encoder")

    @torch.inference_mode()
    def step(
        self,
        frame: np.ndarray,
        mask: np.ndarray | None = None,
        *,
        absent: Collection[int] = (),
        want_prob: bool = False,
        want_soft: bool = False,
    ) -> Prediction:
        """Segments the next frame.

        Args:
            frame: (H, W, 3) uint8 RGB.
            mask: (H, W) uint8 object ids. It adds the ids that are new and corrects those it
                names; objects it does not name are segmented as ever. The first frame needs one.
            absent: ids of objects that are not in this frame: they are gone until a mask has them.
            want_prob: also return probabilities.
            want_soft: also return them in eight bits, which takes a quarter of the memory.

        Raises:
            InputError: no mask yet, a mask without objects, or another size than before.
        """
        view = self._check(frame, mask)
        self._absent |= frozenset(absent)
        self._watch.start()
        if self._moves and mask is not None:
            view = self._aim(view, frame, mask)
            self._watch.lap("view")
        self._memorize_last()
        self._watch.lap("memory encoder")
        if self._ahead:
            image, query = self._ahead.popleft()
        else:
            image, query = seen(frame, view, self.network.device), None
            self._watch.lap("scaling")
        if self.object_ids:
            prob = self._predict(image, query)
        else:
            prob = image.new_ones(1, *image.shape[2:])
        given = None
        if mask is not None:
            given = GivenMask.of(mask, view, self.network.device)
            self._absent -= given.planes.keys()
            self._admit(given, image)
            prob = given.merged(prob, self.object_ids)
        labels = view.labels_from_net(prob, (0, *self.object_ids))
        if given is not None:
            labels = given.kept_in(labels)
        self._last = _Last(image, prob[1:], tuple(given.planes) if given else ())
        answer = Prediction(
            labels.cpu().numpy(),
            # A copy: what the caller changes is not what is memorized.
            view.prob_from_net(prob).cpu().numpy().copy() if want_prob else None,
            view.soft_from_net(prob).cpu().numpy() if want_soft else None,
        )
        self._view = view.after(answer.labels) if self._moves else view
        self._frame += 1
        self._watch.lap("scaling")
        return answer

    @torch.inference_mode()
    def look_back(self) -> dict[int, float]:
        """How well the last frame alone, with what was found on it, finds each object on the frame
        its first mask was given for.

        Right after that frame this tells whether the network holds the object at all; later, a low
        value tells that something else may be followed. It costs about as much as a step.

        Returns:
            Intersection over union with the given mask, 0 to 1, by object id.
        """
        if self._last is None:
            return {}
        self._watch.start()
        found = self._memory.look_back(self._last.image, self._last.masks)
        self._watch.lap("look back")
        return {i: value for i, value in found.items() if i not in self._absent}

    @torch.inference_mode()
    def fill_memory(self, frames: int) -> None:
        """Holds the last frame so often that there are `frames` in memory: to time what comes when
        it is full."""
        every = self.options.memory_every
        for _ in range(frames):
            self._frame += every - (self._frame - 1) % every  # the frame before is one that stays
            self._memorize_last()
        self._frame += 1

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What a new segmenter of the same network and options needs to go on from here.

        Returns:
            Plain facts, fit for JSON, and tensors by name.

        Raises:
            ValueError: before the first step.
        """
        if self._view is None or self._last is None:
            raise ValueError("there is nothing to continue before the first step")
        image, masks, named = self._last
        remembered, tensors = self._memory.state()
        facts = {
            "frame": self._frame,
            "size": [self._view.height, self._view.width],
            "view": self._view.rectangle,
            "moves": self._moves,
            "named": list(named),
            "absent": sorted(self._absent),
            "memory": remembered,
        }
        return facts, {**tensors, "image": image, "masks": masks}

    @torch.inference_mode()
    def restore(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Continue, bit for bit, where the segmenter stood that gave this state."""
        self._absent = frozenset(facts.get("absent", ()))
        self._memory.restore(facts["memory"], tensors)
        height, width = facts["size"]
        self._view = View.of(height, width, self.options).at(*facts["view"])
        self._moves, self._frame = facts["moves"], facts["frame"]
        image = on_device(tensors["image"], self.network.device)
        masks = tensors["masks"].to(self.network.device)
        self._last = _Last(image, masks, tuple(facts["named"]))

    def _check(self, frame: np.ndarray, mask: np.ndarray | None) -> View:
        """The view of a frame that can be segmented."""
        height, width = frame.shape[:2]
        view = self._view or View.of(height, width, self.options)
        check_frame(frame, self._frame, (view.height, view.width))
        if mask is not None:
            check_mask(mask, (view.height, view.width))
        elif not self.object_ids:
            raise InputError("The first frame needs a mask.", "Pass mask to the first step.")
        self._view = view
        return view

    def _aim(self, view: View, frame: np.ndarray, mask: np.ndarray) -> View:
        """The view that moves, on a frame whose mask is given.

        It begins close to the objects if the network reads their masks better there than in the
        whole frame, where it stays otherwise: the self-check decides.
        """
        if self.object_ids:
            return view if view.shows(mask) else view.whole
        closer = view.around(mask)
        if closer != view.whole:
            near, far = (
                reads_itself(self.network, frame, mask, each, self.options.sigma)
                for each in (closer, view.whole)
            )
            self._moves = near > far
        return closer if self._moves else view.whole

    def _memorize_last(self) -> None:
        """Encodes the frame before with what was found on it."""
        if self._last is None:
            return
        image, masks, named = self._last
        self._memory.add(self._frame - 1, image, masks, named)

    def _predict(self, image: Tensor, query: Query | None) -> Tensor:
        """Probabilities (K + 1, H', W') of the objects so far."""
        query = query or self.network.encode_query(image)
        self._watch.lap("query encoder")
        readout = self._memory.read(query)
        self._watch.lap("read")
        here = [n for n, i in enumerate(self.object_ids) if i not in self._absent]
        if len(here) == len(readout):
            prob = self.network.decode(readout, query)
        else:  # as if there were no others, which have no share in any pixel
            prob = image.new_zeros(1 + len(readout), *image.shape[2:])
            prob[0] = 1
            if here:
                prob[[0, *(1 + n for n in here)]] = self.network.decode(readout[here], query)
        self._watch.lap("decoder")
        return prob

    def _admit(self, given: GivenMask, image: Tensor) -> None:
        """Begins a history of the objects that are new."""
        new = tuple(i for i in given.planes if i not in self.object_ids)
        if not new:
            return
        for text in given.doubts(new, f"frame {self._frame}"):
            self._warn(text)
        self._memory.admit(new, Given(image, given.masks(new)))
