"""The codec: frames and terminals, split at every byte."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.errors import WireError
from shipper.sources.docker.frames import SECOND, Codec, Frames, Message, Stamps, Terminal

T = 1_795_248_682 * SECOND
"""2026-11-21T08:11:22Z."""
PIECE = b"x" * 16384


def stamp(time: int) -> bytes:
    import datetime

    whole = datetime.datetime.fromtimestamp(time // SECOND, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{time % SECOND:09d}Z".encode()


def frame(time: int, text: bytes, kind: int = 1) -> bytes:
    payload = stamp(time) + b" " + text
    return struct.pack(">BxxxI", kind, len(payload)) + payload


def read(codec: Codec, pieces: Iterable[bytes]) -> list[Message]:
    messages = [message for piece in pieces for message in codec.feed(piece)]
    return messages + codec.finish()


MESSAGES = [(T + 5, b"one\n"), (T + 5, b"\n"), (T + 7, PIECE), (T + 7, b"rest\n"), (T + 9, "한글".encode())]


def test_frames_are_the_same_messages_wherever_they_are_split() -> None:
    content = b"".join(frame(time, text) for time, text in [*MESSAGES[:2], (T + 8, b"tail")])
    expected = [*MESSAGES[:2], (T + 8, b"tail")]
    for at in range(len(content) + 1):
        assert read(Frames(), [content[:at], content[at:]]) == expected
    assert read(Frames(), [content[at : at + 1] for at in range(len(content))]) == expected


def test_frames_of_both_streams_interleave_and_pieces_are_messages() -> None:
    content = b"".join(frame(time, text, kind) for kind, (time, text) in zip([1, 2, 1, 1, 2], MESSAGES, strict=True))
    assert read(Frames(), [content]) == MESSAGES


def test_a_terminal_s_messages_are_the_same_wherever_they_are_split() -> None:
    messages = [(T, b"out1\r\n"), (T + 2, b"\r\n"), (T + 2, b"long piece"), (T + 2, b"rest\r\n"), (T + 9, b"tail")]
    content = b"".join(stamp(time) + b" " + text for time, text in messages)
    for at in range(len(content) + 1):
        assert read(Terminal(), [content[:at], content[at:]]) == messages
    assert read(Terminal(), [content[at : at + 1] for at in range(len(content))]) == messages


def test_a_time_that_the_program_printed_is_text_and_one_behind_an_unfinished_line_begins_the_next() -> None:
    printed = b"at " + stamp(T - 1) + b" hello\r\n"
    content = stamp(T) + b" " + printed + stamp(T + 1) + b" tail" + stamp(T + 60 * SECOND) + b" again\r\n"
    assert read(Terminal(), [content]) == [(T, printed), (T + 1, b"tail"), (T + 60 * SECOND, b"again\r\n")]


@given(st.lists(st.tuples(st.integers(0, 10**18), st.binary(max_size=40)), max_size=8), st.data())
def test_for_every_messages_and_every_cut_frames_give_them_back(messages: list[Message], data: st.DataObject) -> None:
    messages = [(time, text.replace(b"\n", b".") + b"\n") for time, text in messages]
    content = b"".join(frame(time, text) for time, text in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    pieces = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert read(Frames(), pieces) == messages


def test_a_message_with_an_lf_inside_is_several_of_its_time() -> None:
    assert read(Frames(), [frame(T, b"a\nb\nc")]) == [(T, b"a\n"), (T, b"b\n"), (T, b"c")]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"\x01\0\0\x01\0\0\0\x05hello", r"no frame of a log: b'\x01\x00\x00\x01"),
        (b"\x01\0\0\0\xff\0\0\0hello", r"no frame of a log: b'\x01\x00\x00\x00\xff"),
        (b"2026-11-21T08:11:22.000000000Z hello\n", r"no frame of a log: b'2026"),
        (b"\x01\0\0\0\0\0\0\x05hello", r"no time at the head of a message: b'hello'"),
        (struct.pack(">BxxxI", 3, 27) + b"Error grabbing logs: broken", "Error grabbing logs: broken"),
    ],
)
def test_what_is_no_log_is_named(content: bytes, error: str) -> None:
    with pytest.raises(WireError) as raised:
        Frames().feed(content)
    assert raised.value.message.startswith(error)


def test_a_log_that_ends_within_a_frame_is_broken() -> None:
    codec = Frames()
    assert codec.feed(frame(T, b"one\n")[:-1]) == []
    with pytest.raises(WireError, match="within a frame"):
        codec.finish()


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (b"2026-11-21T08:11:22.000000007Z", T + 7),
        (b"2026-11-21T08:11:22.5Z", T + SECOND // 2),
        (b"2026-11-21T08:11:22Z", T),
        (b"2026-11-21T17:11:22.000000007+09:00", T + 7),
        (b"2026-11-21T04:41:22.000000007-03:30", T + 7),
    ],
)
def test_times_are_read_to_the_nanosecond_with_any_zone(text: bytes, time: int) -> None:
    stamps = Stamps()
    assert [stamps.parse(text), stamps.parse(text)] == [time, time]


@pytest.mark.parametrize(
    "text", [b"", b"2026-11-21", b"2026-13-21T08:11:22.000000007Z", b"2026-11-21T08:11:22.00000000xZ"]
)
def test_what_is_no_time_is_refused(text: bytes) -> None:
    with pytest.raises(WireError, match="no time"):
        Stamps().parse(text)
