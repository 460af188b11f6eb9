"""The rules for one line, as a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.sources.line import Unfinished, cut, tidy

RULES = [
    ("nothing to do", b"plain text", b"plain text", ()),
    ("one trailing CR is stripped, silently", b"text\r", b"text", ()),
    ("only one trailing CR is stripped: the other one is a redraw", b"text\r\r", b"text", ("redraw",)),
    ("the last state of a bar stays", b"\r 10%\r 50%\r100%", b"100%", ("redraw",)),
    ("the last state that is not blank stays", b"\r 10%\r 50%\r   \r", b" 50%", ("redraw",)),
    (
        "a fixed prefix stays in front",
        b"[Model1] (EngineCore_DP0 pid=2) \rLoading 0%\rLoading 100%",
        b"[Model1] (EngineCore_DP0 pid=2) Loading 100%",
        ("redraw",),
    ),
    (
        "a state without a CR before it is no prefix",
        b"Generating: 0 ex\rGenerating: 8192 ex",
        b"Generating: 8192 ex",
        ("redraw",),
    ),
    ("a state that ends in a space is no prefix", b"Epoch 1:  0% \rEpoch 1: 50% ", b"Epoch 1: 50% ", ("redraw",)),
    ("states that differ in numbers only are no prefixes", b"10% \r20% ", b"20% ", ("redraw",)),
    ("a JSON object stands alone", b'[M] \r{"a": 1}', b'{"a": 1}', ("redraw",)),
    ("what only looks like JSON does not", b"[M] \r{'a': 1}", b"[M] {'a': 1}", ("redraw",)),
    ("if all states are blank the first part is the line", b"text \r   \r  ", b"text ", ("redraw",)),
    ("a blank line stays blank", b" \r  ", b" ", ("redraw",)),
    ("a NUL hole is cut off", b"\0\0\0text", b"text", ("nul_hole",)),
    ("a NUL elsewhere is text", b"te\0xt", b"te\0xt", ()),
    ("nothing but a hole is blank", b"\0\0\0", b"", ("nul_hole",)),
    ("a bad byte becomes U+FFFD", b"a\xffb", "a\ufffdb".encode(), ("invalid_utf8",)),
    ("a U+FFFD in the file is no fault", "a\ufffdb".encode(), "a\ufffdb".encode(), ()),
    ("a bad byte in a state that is not kept is nobody's concern", b"\xff\rok", b"ok", ("redraw",)),
    (
        "a prefix stays before a state that is far to the right",
        b"[M] \r" + b" " * 2000 + b"x",
        b"[M] " + b" " * 2000 + b"x",
        ("redraw",),
    ),
    ("hole, redraw and bad byte at once", b"\0\rx\xff\r", b"x\xef\xbf\xbd", ("nul_hole", "redraw", "invalid_utf8")),
    ("ANSI cursor movement is text", b"\x1b[Abar 1\x1b[A", b"\x1b[Abar 1\x1b[A", ()),
]


@pytest.mark.parametrize(("raw", "text", "reasons"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_rule(raw, text, reasons):
    assert tidy(raw, 3000) == (text, reasons)


def test_a_line_over_the_limit_is_cut_on_a_character_boundary_and_says_how_much_is_missing():
    text, reasons = tidy("가".encode() * 40, 64)
    assert (text.decode(), reasons) == ("가" * 14 + " … [cut, 78 bytes]", ("cut",))
    assert tidy(b"x" * 64, 64) == (b"x" * 64, ())
    assert tidy(b"x" * 65, 64) == (b"x" * 44 + " … [cut, 21 bytes]".encode(), ("cut",))


def test_another_encoding_becomes_utf8():
    assert tidy("한글".encode("cp949"), 1000, "cp949") == ("한글".encode(), ())
    assert tidy(b"\xff", 1000, "cp949") == ("\ufffd".encode(), ("invalid_utf8",))


def test_for_every_text_a_cut_line_is_within_the_limit_and_valid():
    @given(st.text(), st.integers(0, 64))
    def check(text, limit):
        raw = text.encode("utf-8", "replace")
        done = cut(raw, len(raw), limit)
        assert len(done) <= limit
        done.decode()

    check()


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=6).map(lambda data: data.replace(b"\n", b"")),
        st.sampled_from(
            [b"\r", b"\0", b" ", b"10% ", b'{"a": 1}', "가나다".encode(), "�".encode(), b"\xea\xb0", b"[M] "]
        ),
        st.sampled_from([b" " * 1100, b"x" * 1100, b"\r" * 5, b"[" * 2000]),
    ),
    max_size=12,
)


@given(PIECES.map(b"".join), st.integers(0, 2000))
def test_for_every_line_its_text_is_valid_within_the_limit_and_changed_only_for_a_reason(raw, limit):
    text, reasons = tidy(raw, limit)
    text.decode()
    assert len(text) <= limit
    assert b"\r" not in text
    assert not text.startswith(b"\0") or text != raw
    assert bool(reasons) == (text != raw.removesuffix(b"\r") or raw.removesuffix(b"\r").endswith(b"\r"))


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "latin-1", "shift_jis", "gb18030"])
def test_for_every_line_and_every_way_to_cut_it_both_readers_agree(encoding):
    @given(PIECES, st.sampled_from([0, 10, 80, 1200, 5000]))
    def check(parts, limit):
        unfinished = Unfinished(limit, encoding)
        for part in parts:
            unfinished.add(part)
        raw = b"".join(parts)
        assert (unfinished.finish(), unfinished.size) == (tidy(raw, limit, encoding), len(raw))

    check()
