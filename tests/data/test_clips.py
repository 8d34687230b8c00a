"""Three-frame samples: what they hold, and that chance is repeatable."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
import torch

from kmn_cli.data.augment import WarpRange
from kmn_cli.data.clips import draw_batch
from kmn_cli.data.scan import scan_stills, scan_videos
from kmn_cli.data.scene import Source
from kmn_cli.data.store import FrameStore, build_store
from kmn_cli.errors import InputError
from kmn_cli.training.recipe import Recipe

STILL = WarpRange(0, 0, (1, 1), 0)
PLAIN = {"crop": 64, "jitter": 0, "hide_probability": 0, "multi_object": 0, "zoom_max": 1.0}


@pytest.fixture
def store(stills, tmp_path):
    return build_store(scan_stills(stills), tmp_path / "cache", 480)


def settings(progress: float = 1.0, stage: str = "pretrain", **changes: object):
    return Recipe.resolve("paper", stage, None, PLAIN | changes).clip_settings(progress)


def numbered_video(frames: int) -> FrameStore:
    """A video whose pixels say which frame they are of."""
    pixels = torch.zeros(frames, 64, 64, 4, dtype=torch.uint8)
    pixels[..., 0] = torch.arange(frames).view(-1, 1, 1)
    pixels[:, 16:48, 16:48, 3] = 1
    places = [(n * 64 * 64 * 4, 64, 64) for n in range(frames)]
    return FrameStore(pixels.flatten(), places, [list(range(frames))])


def test_shapes_and_targets(store):
    batch = draw_batch([Source(store, 1, STILL)], settings(), 0, 0, range(5))
    assert batch.frames.shape == (5, 3, 3, 64, 64)
    assert batch.labels.shape == (5, 3, 64, 64)
    assert batch.present.tolist() == [[True]] * 5
    assert batch.labels.unique().tolist() == [0, 1]


def test_same_seed_same_samples_whatever_the_grouping(store):
    """A step's samples do not depend on how they are dealt to processes."""
    sources = [Source(store, 1, WarpRange(30, 15, (0.8, 1.1), 0.1))]
    whole = draw_batch(sources, settings(multi_object=1), 5, 3, range(4))
    first, second = (
        draw_batch(sources, settings(multi_object=1), 5, 3, n) for n in ([0, 1], [2, 3])
    )
    for all_of_them, *parts in zip(whole, first, second, strict=True):
        assert torch.equal(all_of_them, torch.cat(parts))
    other = draw_batch(sources, settings(multi_object=1), 5, 4, range(4))
    assert not torch.equal(whole.frames, other.frames)


@pytest.mark.parametrize(("progress", "widest"), [(0.0, 1), (0.2, 6), (1.0, 26)])
def test_video_frames_are_in_order_within_the_growing_interval(progress, widest):
    """The maximal interval grows from 0 to 25 frames left out."""
    video = Source(numbered_video(100), 1, STILL)
    chosen = settings(progress, "main", scale_min=1, scale_max=1)
    gaps = set()
    for step in range(150):
        batch = draw_batch([video], chosen, 0, step, [0])
        numbers = (batch.frames[0, :, 0, 32, 32] * 255).round().int().tolist()
        gaps |= {b - a for a, b in pairwise(numbers)}
    assert min(gaps) == 1
    assert max(gaps) <= widest
    assert max(gaps) >= widest - 3


def test_short_videos_fit():
    video = Source(numbered_video(3), 1, STILL)
    batch = draw_batch([video], settings(1.0, "main"), 0, 0, range(8))
    numbers = (batch.frames[:, :, 0, 32, 32] * 255).round().int()
    assert (numbers == torch.tensor([0, 1, 2])).all()


def test_mixture_follows_the_weights(store):
    sources = [Source(store, 3, STILL), Source(numbered_video(9), 1, STILL)]
    batch = draw_batch(sources, settings(1.0, "main", paste=0), 0, 0, range(200))
    # Only the numbered video has a picture without blue.
    share = (batch.frames[:, 0, 2].amax((1, 2)) < 0.01).float().mean()
    assert 0.15 < share < 0.35


def test_several_objects_are_all_visible_first_and_may_occlude(store):
    sources = [Source(store, 1, WarpRange(20, 10, (0.8, 1.1), 0.3))]
    counts = set()
    for step in range(20):
        batch = draw_batch(sources, settings(multi_object=1, max_objects=3), 1, step, range(2))
        for labels, present in zip(batch.labels, batch.present, strict=True):
            visible = set(labels[0].unique().tolist()) - {0}
            assert visible == {k + 1 for k, there in enumerate(present) if there}
            # Nothing appears that was not in the first frame.
            assert set(labels.unique().tolist()) - {0} <= visible
            counts.add(len(visible))
    assert {2, 3} <= counts


def test_pasted_occluders_take_the_object_away(store):
    sources = [Source(store, 1, STILL)]
    plain = draw_batch(sources, settings(), 0, 0, range(40)).labels[:, 1].float().mean()
    pasted = draw_batch(sources, settings(paste=1.0), 0, 0, range(40)).labels[:, 1].float().mean()
    assert pasted < plain


def test_an_object_never_seen_is_an_error():
    store = numbered_video(5)
    store.pixels.view(-1, 4)[:, 3] = 0
    with pytest.raises(InputError, match="visible"):
        draw_batch([Source(store, 1, STILL)], settings(1.0, "main"), 0, 0, [0])


def test_hidden_first_frame_is_a_setting(store):
    sources = [Source(store, 1, STILL)]
    chosen = settings(1.0, hide_probability=0.5, hide_first="false")
    shown = draw_batch(sources, chosen, 0, 0, range(10)).labels
    assert shown[:, 0].float().mean() > 1.5 * shown[:, 1].float().mean()
    both = draw_batch(sources, dataclasses.replace(chosen, hide_first=True), 0, 0, range(10)).labels
    assert both[:, 0].float().mean() == pytest.approx(float(both[:, 1].float().mean()), rel=0.25)


def test_videos_from_disk(videos, tmp_path):
    store = build_store(scan_videos(videos), tmp_path / "cache", 480)
    batch = draw_batch([Source(store, 1, STILL)], settings(1.0, "main"), 0, 0, range(3))
    assert batch.present.all()


def test_a_video_with_objects_of_its_own_needs_no_pasted_ones():
    store = numbered_video(9)
    pixels = store.pixels.view(9, 64, 64, 4)
    pixels[..., 3] = 0
    pixels[:, 8:24, 8:24, 3], pixels[:, 40:56, 40:56, 3] = 1, 2
    sources = [Source(store, 1, STILL)]
    chosen = settings(1.0, "main", multi_object=1, max_objects=2)
    for step in range(10):
        batch = draw_batch(sources, chosen, 0, step, [0])
        assert batch.present.tolist() == [[True, True]]
        assert (batch.labels > 0).sum() == 3 * 2 * 16 * 16


def test_a_region_of_a_still_is_a_target_and_of_a_video_never(store):
    """Half of the stills keep their object, whose middle is red."""
    stills, video = Source(store, 1, STILL), Source(numbered_video(9), 1, STILL)
    batch = draw_batch([stills], settings(region=0.5), 0, 0, range(60))
    red = [
        float(frame[0][labels == 1].mean())
        for frame, labels in zip(batch.frames[:, 0], batch.labels[:, 0], strict=True)
    ]
    assert 15 < sum(mean > 0.8 for mean in red) < 45
    moved = draw_batch([video], settings(1.0, "main", region=1.0), 0, 0, range(4))
    own = draw_batch([video], settings(1.0, "main", region=0.0), 0, 0, range(4))
    assert moved.labels.float().mean() == pytest.approx(float(own.labels.float().mean()), rel=0.01)


def test_the_same_frame_three_times(store):
    sources = [
        Source(store, 1, WarpRange(30, 15, (0.8, 1.1), 0.1)),
        Source(numbered_video(9), 1, STILL),
    ]
    same = draw_batch(sources, settings(1.0, "main", same_frame=1.0), 0, 0, range(8))
    for frames in (same.frames, same.labels):
        assert torch.equal(frames[:, 0], frames[:, 1])
        assert torch.equal(frames[:, 0], frames[:, 2])
    apart = draw_batch(sources, settings(1.0, "main"), 0, 0, range(8))
    assert not torch.equal(apart.frames[:, 0], apart.frames[:, 1])


def test_videos_are_not_hidden(store):
    """Hide-and-Seek is for stills (section 4), in a mixture, too."""
    chosen = settings(1.0, "main", hide_probability=1.0, hide_first="false", paste=0)
    video = draw_batch([Source(numbered_video(9), 1, STILL)], chosen, 0, 0, range(4))
    still = draw_batch([Source(store, 1, STILL)], chosen, 0, 0, range(4))
    assert (video.labels[:, 1] > 0).any()
    assert not (still.labels[:, 1] > 0).any()


def test_the_first_sample_is_not_tied_to_its_batch(store):
    """(seed, step) and (seed, step, 0) would be one stream of chance: how many objects a batch
    has would say which source its first sample is from."""
    sources = [Source(store, 1, STILL), Source(numbered_video(9), 1, STILL)]
    chosen = settings(1.0, "main", multi_object=0.5)
    batches = [draw_batch(sources, chosen, 0, step, [0]) for step in range(80)]
    single = [batch for batch in batches if batch.present.shape[1] == 1]
    # Only the numbered video has a picture without blue.
    of_stills = sum(float(batch.frames[0, 0, 2].max()) > 0.01 for batch in single)
    assert 0.25 < of_stills / len(single) < 0.75


def test_packed_pictures_are_cut_like_decoded_ones(stills, tmp_path, monkeypatch):
    plain = build_store(scan_stills(stills), tmp_path / "plain", 480)
    monkeypatch.setattr("kmn_cli.data.store.PACK_ABOVE", 0)
    packed = build_store(scan_stills(stills), tmp_path / "packed", 480)
    assert packed.is_packed
    motion = WarpRange(30, 15, (0.8, 1.1), 0.1)
    one, two = (
        draw_batch([Source(store, 1, motion)], settings(paste=1.0), 0, 0, range(6))
        for store in (plain, packed)
    )
    assert torch.equal(one.labels, two.labels)
    assert (one.frames - two.frames).abs().mean() < 0.05  # a JPEG of noise
