"""Hypothesis strategies that damage files: the same damage in every run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# A place in a file as a share of its length; most damage goes to the front, where headers are.
# (No floats: the segmenter turns subnormal ones off, which hypothesis does not expect.)
_share = st.integers(0, 1000).map(lambda n: n / 1000)
_place = _share.map(lambda x: x**3) | _share
_size = st.integers(0, 400)
_magic = st.sampled_from(
    [b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"9999999", b'"', b"{"]
)


def _overwrite(data: bytes, place: float, patch: bytes) -> bytes:
    at = int(place * len(data))
    return data[:at] + patch + data[at + len(patch) :]


def _insert(data: bytes, place: float, patch: bytes) -> bytes:
    at = int(place * len(data))
    return data[:at] + patch + data[at:]


def _cut(data: bytes, place: float, size: int) -> bytes:
    at = int(place * len(data))
    return data[:at] + data[at + size :]


def _repeat(data: bytes, place: float, size: int) -> bytes:
    at = int(place * len(data))
    return data[: at + size] + data[at:]


def _truncate(data: bytes, place: float) -> bytes:
    return data[: int(place * len(data))]


_patch = st.binary(min_size=1, max_size=8) | _magic
_change = st.one_of(
    st.tuples(st.just(_overwrite), _place, _patch),
    st.tuples(st.just(_insert), _place, _patch),
    st.tuples(st.just(_cut), _place, _size),
    st.tuples(st.just(_repeat), _place, _size),
    st.tuples(st.just(_truncate), _place),
)
changes = st.lists(_change, min_size=1, max_size=5)


def damage(data: bytes, some_changes: list[tuple[Any, ...]]) -> bytes:
    """Apply changes one after the other."""
    for change, *arguments in some_changes:
        data = change(data, *arguments)
    return data


def for_each(examples: int, strategy: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    """Call `check` with that many examples, always the same ones."""

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(example: Any) -> None:
        check(example)

    run()
