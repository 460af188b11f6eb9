"""What continues a record."""

from __future__ import annotations

import pytest

from shipper.pipeline.tracebacks import CLOSED, DUMP, EXCEPTION, HEAD, TRACEBACK, begin, follow


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (b"anything", HEAD),
        (b"Traceback (most recent call last):", TRACEBACK),
        (b"Fatal Python error: Segmentation fault", DUMP),
    ],
)
def test_a_line_that_continues_nothing_begins_a_record(text: bytes, state: str) -> None:
    assert begin(text) == state


@pytest.mark.parametrize(
    ("record", "text", "state"),
    [
        ("", b"  indented", ""),
        ("", b"Traceback (most recent call last):", ""),
        (HEAD, b"  indented", HEAD),
        (HEAD, b"\tindented", HEAD),
        (HEAD, b"", HEAD),
        (HEAD, b"text", ""),
        (HEAD, b"ValueError: x", ""),
        (HEAD, b"Traceback (most recent call last):", TRACEBACK),
        (CLOSED, b"Traceback (most recent call last):", ""),
        (CLOSED, b"  indented", CLOSED),
        (TRACEBACK, b'  File "x.py", line 1, in f', TRACEBACK),
        (TRACEBACK, b"", TRACEBACK),
        (TRACEBACK, b"ValueError: x", EXCEPTION),
        (TRACEBACK, b"KeyboardInterrupt", EXCEPTION),
        (TRACEBACK, b"torch.OutOfMemoryError: CUDA out of memory", EXCEPTION),
        (TRACEBACK, b"a sentence: with words", ""),
        (TRACEBACK, b"ERROR:x", ""),
        (EXCEPTION, b"During handling of the above exception, another exception occurred:", EXCEPTION),
        (EXCEPTION, b"The above exception was the direct cause of the following exception:", EXCEPTION),
        (EXCEPTION, b"Traceback (most recent call last):", TRACEBACK),
        (EXCEPTION, b"[SQL: SELECT 1]", EXCEPTION),
        (EXCEPTION, b"(Background on this error at: https://sqlalche.me/e/20/e3q8)", EXCEPTION),
        (EXCEPTION, b"next line", ""),
        (DUMP, b"Thread 0x00007f21c8ff9700 (most recent call first):", DUMP),
        (DUMP, b"Current thread 0x00007f21 (most recent call first):", DUMP),
        (DUMP, b"text", ""),
    ],
)
def test_what_continues_which_record(record: str, text: bytes, state: str) -> None:
    assert follow(record, text) == state
