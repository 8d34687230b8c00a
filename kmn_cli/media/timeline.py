"""When each frame of a source is shown: made once, and carried by readers, sinks and exports."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

DEFAULT_FPS = 25.0  # where a file gives no times
_FINEST = 1_000_000  # ticks a second; containers hold no finer ones


@dataclass(frozen=True, eq=False)
class Timeline:
    """Presentation times of all frames of a source, in seconds from its start.

    Attributes:
        times: (N,) float64, increasing. Where a container rounds the times of a constant rate,
            these are the exact ones.
        end: when the last frame ends.
        fps: the rate at which N frames last as long as they do in the source.
        tick: a unit, in seconds, in which all times are whole numbers, or close to it.
    """

    times: np.ndarray
    end: float
    fps: float
    tick: Fraction

    def __len__(self) -> int:
        return len(self.times)

    def before(self, seconds: float) -> int:
        """Return how many frames are shown before `seconds`, as people read them off a player."""
        return bisect_left(self.times, seconds - min(5e-4, 0.1 / self.fps))

    def span(self, index: int) -> tuple[float, float]:
        """Return when frame `index` is shown and how long; beyond the end at the average rate."""
        last = len(self) - 1
        if index > last:
            return float(self.end + (index - last - 1) / self.fps), 1 / self.fps
        start = float(self.times[index])
        return start, (float(self.times[index + 1]) if index < last else self.end) - start

    def index(self, seconds: float) -> int:
        """Return the frame whose time is nearest."""
        after = bisect_left(self.times, seconds)
        near = [i for i in (after - 1, after) if 0 <= i < len(self)]
        return min(near, key=lambda i: abs(self.times[i] - seconds), default=0)


def constant(frames: int, fps: float) -> Timeline:
    """Return the timeline of frames at one rate; 29.97 means 30000/1001."""
    common = _common(fps)
    rate = common if abs(common - fps) < 2e-4 * fps else Fraction(fps).limit_denominator(10_010)
    return _even(0.0, frames, rate)


def from_durations(seconds: Sequence[float]) -> Timeline:
    """Return the timeline of frames that last so long each."""
    times = np.cumsum([0.0, *seconds])
    return from_times(times[:-1], seconds[-1], Fraction(1, 1000))


def from_times(seconds: Sequence[float] | np.ndarray, last: float, tick: Fraction) -> Timeline:
    """Return the timeline of a container's times.

    Args:
        seconds: of each frame, in any order, with doubles.
        last: how long the last frame is shown; 0 where that is not told.
        tick: the unit in which the container tells times, in seconds.
    """
    times = np.sort(np.asarray(seconds, float))
    count = len(times)
    if not count:
        return Timeline(times, 0.0, DEFAULT_FPS, tick)
    length = float(times[-1] - times[0])
    if last <= 0:
        last = length / (count - 1) if length else 1 / DEFAULT_FPS
    fps = count / (length + last)
    step = float(tick)
    for rate in (_common(fps), Fraction(fps).limit_denominator(10_010)):
        if not rate or abs(count / rate - count / fps) > 1.5 * step:
            continue
        even = _even(float(times[0]), count, rate)
        off = even.times - times
        if np.ptp(off) <= 1.5 * step:  # rounding moves a time by less than a tick
            exact = np.abs(off).max() <= 0.75 * step
            return even if exact else _even(float(times[0] - off.mean()), count, rate)
    # Two frames cannot be shown at once: the second comes a tick later.
    least = np.arange(count) * step
    times = np.maximum.accumulate(times - least) + least
    if tick.denominator > _FINEST:
        tick = Fraction(1, 90_000)
    return Timeline(times, float(times[-1] + last), fps, tick)


def _even(first: float, count: int, rate: Fraction) -> Timeline:
    times = first + np.arange(count) / float(rate)
    return Timeline(times, first + float(count / rate), float(rate), 1 / rate)


def _common(fps: float) -> Fraction:
    """Return the rate in use that is nearest: a whole number, or one as 30000/1001."""
    whole = round(fps)
    return min((Fraction(whole), Fraction(whole * 1000, 1001)), key=lambda rate: abs(rate - fps))
