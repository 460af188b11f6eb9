"""Which lines of the CRI format have all their pieces."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shipper.config.model import AnyStage, Cri, Json, Multiline, ResolvedSource
from shipper.pipeline.compile import compile_grouper
from shipper.pipeline.cri import Pieces

TIME = b"2026-01-27T15:46:41.479516123Z "
OUT, OUT_PIECE = TIME + b"stdout F text", TIME + b"stdout P text"
ERR, ERR_PIECE = TIME + b"stderr F text", TIME + b"stderr P:tag text"
OTHER = b"no line of the CRI format P"


def whole(*lines: bytes, max_bytes: int = 10_000) -> int:
    count, joins = Pieces(max_bytes).whole(lines)
    assert joins == ()
    return count


def test_whole_lines_wait_for_nothing():
    assert whole(OUT, ERR, OTHER) == 3
    assert whole(OUT_PIECE, OUT_PIECE, OUT) == 3


def test_a_piece_waits_for_the_last_one_of_its_stream_with_all_that_follows():
    assert whole(OUT, OUT_PIECE, OUT_PIECE) == 1
    assert whole(OUT, OUT_PIECE, ERR, OTHER) == 1
    assert whole(ERR_PIECE, OUT_PIECE, OUT) == 0
    assert whole(ERR_PIECE, OUT_PIECE, ERR) == 0


def test_a_line_that_grows_too_long_waits_no_more():
    lines = [OUT, *[OUT_PIECE] * 4]
    assert whole(*lines, max_bytes=4 * len(OUT_PIECE)) == 1
    assert whole(*lines, max_bytes=4 * len(OUT_PIECE) - 1) == 5


@given(st.lists(st.sampled_from([OUT, OUT_PIECE, ERR, ERR_PIECE, OTHER])))
def test_for_every_lines_what_is_whole_ends_no_line_within_its_pieces(lines: list[bytes]) -> None:
    count = whole(*lines)
    assert whole(*lines[:count]) == count
    assert whole(*lines, OUT, ERR) == len(lines) + 2


def grouper(*stages: AnyStage, once: bool = False, **options: object) -> Any:
    return compile_grouper(ResolvedSource(name="pods", type="file", labels={}, stages=stages, **options), once=once)


def test_only_a_pipeline_that_reads_the_format_keeps_pieces_together():
    assert grouper(Json()) is None
    assert grouper(Json(), Cri(), max_line_bytes=100).whole([OUT_PIECE]) == (0, ())
    assert grouper(Json(), Cri(), max_line_bytes=100).whole([OUT_PIECE] * 3) == (3, ())


def test_the_sources_multiline_goes_before_pieces_and_a_run_that_ends_waits_for_neither():
    multiline = Multiline(start="^x", max_wait=7)
    assert grouper(Cri(), multiline=multiline).max_wait == 7
    assert grouper(Cri(), multiline=multiline, once=True).max_wait == 0
    assert (grouper(Cri()).max_wait, grouper(Cri(), once=True).max_wait) == (3_000_000_000, 0)
