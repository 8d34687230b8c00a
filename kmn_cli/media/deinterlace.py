"""Pictures of two moments, one in every other row, made pictures of one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from av.error import BlockingIOError as NothingYet
from av.error import EOFError as NoMore
from av.filter import Graph
from av.video.frame import VideoFrame


def deinterlaced(
    frames: Iterable[VideoFrame | None], notice: Callable[[], None]
) -> Iterator[VideoFrame | None]:
    """Yield as many frames as come, in their order, those that are interlaced filtered by bwdif.

    From the first interlaced one on, frames come one late: bwdif looks at the next. None, which
    stands for damage, is handed on. `notice` is called for the first interlaced one.
    """
    graph: Graph | None = None
    form: tuple[int, int, str] | None = None
    noticed = False
    for frame in frames:
        if frame is None:
            yield None
            continue
        its_form = (frame.width, frame.height, frame.format.name)
        if graph is not None and its_form != form:
            yield from _rest(graph)
            graph = None
        if graph is None and frame.interlaced_frame:
            graph, form = _bwdif(frame), its_form
            if not noticed:
                notice()
            noticed = True
        if graph is None:
            yield frame
        else:
            graph.push(frame)
            yield from _ready(graph)
    if graph is not None:
        yield from _rest(graph)


def _bwdif(frame: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    bwdif = graph.add("bwdif", mode="send_frame", parity="auto", deint="interlaced")
    graph.link_nodes(source, bwdif, graph.add("buffersink")).configure()
    return graph


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    with suppress(NothingYet, NoMore):
        while True:
            frame = graph.pull()
            assert isinstance(frame, VideoFrame)
            yield frame


def _rest(graph: Graph) -> Iterator[VideoFrame]:
    graph.push(None)
    yield from _ready(graph)
