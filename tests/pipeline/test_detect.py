"""Level and time at their own positions."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.pipeline.detect import Head, common_head, head_of, looked_at, prefix_of


def detect(line: bytes) -> Head | None:
    text = looked_at(line)
    return head_of(text[prefix_of(text) :])


@pytest.mark.parametrize(
    ("line", "level", "time"),
    [
        # vLLM
        (b"INFO 01-27 15:45:11 [api_server.py:1351] vLLM API server", "INFO", "01-27 15:45:11"),
        (b"INFO 01-27 15:45:11 api_server.py:835] vLLM API server", "INFO", "01-27 15:45:11"),
        (b"DEBUG 01-27 15:45:11 [v1/engine/core.py:875] x", "DEBUG", "01-27 15:45:11"),
        (b"my-host WARNING 01-27 15:45:11 [core.py:875] x", "WARNING", "01-27 15:45:11"),
        (b"[Model1] (APIServer pid=412) INFO 01-27 15:45:11 [a.py:1] x", "INFO", "01-27 15:45:11"),
        (b"(VllmWorker rank=0 pid=55) ERROR 01-27 15:45:11 [a.py:1] x", "ERROR", "01-27 15:45:11"),
        (b"(EngineCore_DP0 pid=559) (Worker_TP0 pid=566) INFO 01-27 15:45:11 [a.py:1] x", "INFO", "01-27 15:45:11"),
        (b"[Model2] \x1b[1;36m(APIServer pid=77)\x1b[0;0m INFO 01-27 15:45:06 [a.py:1839] x", "INFO", "01-27 15:45:06"),
        (
            b"\x1b[0;36m(APIServer pid=77)\x1b[0;0m \x1b[31mERROR\x1b[0m 01-27 15:45:06 [a.py:1] x",
            "ERROR",
            "01-27 15:45:06",
        ),
        # uvicorn
        (b"INFO:     Started server process [7]", "INFO", ""),
        (b"WARNING:  Invalid HTTP request received.", "WARNING", ""),
        (b"CRITICAL: x", "CRITICAL", ""),
        (b"\x1b[32mINFO\x1b[0m:     Started", "INFO", ""),
        (b"[Model1] (APIServer pid=412) INFO:     Application startup complete.", "INFO", ""),
        # gunicorn
        (b"[2026-01-27 15:50:54 +0000] [77] [INFO] Starting gunicorn 21.2.0", "INFO", "2026-01-27 15:50:54 +0000"),
        (b"[2026-01-28 00:50:54 +0900] [77] [CRITICAL] WORKER TIMEOUT", "CRITICAL", "2026-01-28 00:50:54 +0900"),
        # MLflow
        (b"2026/02/04 03:44:07 INFO mlflow.store.db.utils: Updating", "INFO", "2026/02/04 03:44:07"),
        (b"2026/02/10 09:00:13 INFO:     Uvicorn running", "INFO", "2026/02/10 09:00:13"),
        (b"2026/02/10 09:00:13 something else", "", "2026/02/10 09:00:13"),
        # alembic
        (b"INFO  [alembic.runtime.migration] Context impl", "INFO", ""),
        (b"WARNI [alembic.runtime.migration] x", "WARNI", ""),
        (b"CRITI [d6e85bda6a31_create_py] x", "CRITI", ""),
        # Python logging and its like
        (b"2026-01-27 15:45:11,945 - my.name - WARNING - text", "WARNING", "2026-01-27 15:45:11,945"),
        (b"ERROR:root:text", "ERROR", ""),
        (b"2026-01-27 15:45:11,945 INFO name: text", "INFO", "2026-01-27 15:45:11,945"),
        (b"2026-01-27 15:45:11 [info     ] event", "info", "2026-01-27 15:45:11"),
        (b"2026-01-27 15:45:11.945 | ERROR    | mod:f:1 - text", "ERROR", "2026-01-27 15:45:11.945"),
        (b"2026-01-27T15:45:11Z text", "", "2026-01-27T15:45:11Z"),
        (b"2026-01-27T15:45:11.5+09:00", "", "2026-01-27T15:45:11.5+09:00"),
        # syslog
        (b"Jan 27 15:40:21 node sshd[9794]: ERROR Accepted", "", "Jan 27 15:40:21"),
        (b"Feb  7 05:40:21 node sshd[9794]: x", "", "Feb  7 05:40:21"),
        (b"2026-01-27T15:40:18.488290+00:00 node backup[2082]: ERROR rsync", "", "2026-01-27T15:40:18.488290+00:00"),
    ],
)
def test_known_formats_have_level_and_time_at_their_positions(line: bytes, level: str, time: str) -> None:
    assert detect(line) == Head(level, time, False)


@pytest.mark.parametrize(
    ("line", "level", "time"),
    [
        (b'INFO:     10.0.4.17:53412 - "GET /?q=[ERROR] HTTP/1.1" 404 Not Found', "INFO", ""),
        (b'INFO:     fe80::1:53412 - "GET / HTTP/1.1" 200 OK', "INFO", ""),
        (b'(APIServer pid=1) INFO:     10.0.0.1:5 - "POST /v1 HTTP/1.1" 200 OK', "INFO", ""),
        (b'2026/02/10 09:00:20 INFO:     172.18.0.7:54463 - "POST / HTTP/1.1" 200 OK', "INFO", "2026/02/10 09:00:20"),
        (b'172.18.0.2 - - [04/Feb/2026:03:44:12 +0000] "GET /health HTTP/1.1" 200 2', "", "04/Feb/2026:03:44:12 +0000"),
        (b'web.local - bob [04/Feb/2026:03:44:12 +0900] "GET / HTTP/1.1" 200 2', "", "04/Feb/2026:03:44:12 +0900"),
    ],
)
def test_access_lines_are_known_as_such(line: bytes, level: str, time: str) -> None:
    assert detect(line) == Head(level, time, True)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"an ERROR in the text",
        b"request ERROR 01-27 15:45:11 without a file",
        b"two words ERROR 01-27 15:45:11 [core.py:875] x",
        b"ERROR without a colon",
        b"ERRORS: 5",
        b"INFORMATION: x",
        b"  INFO:     indented",
        b"[Model1] [Gloo] Rank 0 is connected",
        b"[MLflow] Security middleware enabled",
        b'{"level": "error"}',
        b"Traceback (most recent call last):",
        b"ValueError: x",
        b"/usr/lib/x.py:41: FutureWarning: deprecated",
        b"Epoch 1/2:  50%|#####     | 20/40",
        b"January 27 15:40:21 node x",
        b"2026-01-27 is a date",
        "한국어 ERROR".encode(),
    ],
)
def test_other_lines_have_no_head(line: bytes) -> None:
    assert detect(line) is None


@pytest.mark.parametrize(
    ("line", "prefix"),
    [
        (b"[Model1] (APIServer pid=412) x", b"[Model1] (APIServer pid=412) "),
        (b"(EngineCore_DP0 pid=559) (Worker_TP0_EP0 pid=566) x", b"(EngineCore_DP0 pid=559) (Worker_TP0_EP0 pid=566) "),
        (b"[rank0]: Traceback", b"[rank0]: "),
        (b"[rank0]:[W127", b""),
        (b"(Background on this error at: x)", b""),
        (b"[SQL: x]", b""),
        (b"[Model1] ", b"[Model1] "),
    ],
)
def test_prefixes_of_launcher_and_process(line: bytes, prefix: bytes) -> None:
    assert line[: prefix_of(line)] == prefix


@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))))
def test_for_every_line_detection_never_raises(line: bytes) -> None:
    detect(line)


@pytest.mark.parametrize(
    "line",
    [
        b"(" * 100000,
        b"(A pid=1" * 50000,
        b"[" + b"A" * 100000,
        b"INFO:" + b" " * 100000 + b"x",
        b"a " * 100000 + b'] "',
        b"A" * 100000,
        b"2026-01-27 15:45:11 - " + b"a." * 100000,
        b"\x1b[" * 100000,
        b"ERROR:" + b"a" * 100000,
    ],
)
def test_a_nasty_line_costs_no_more_than_a_long_one(line: bytes) -> None:
    begun = time.process_time()
    detect(line)
    assert time.process_time() - begun < 0.05


PARTS = st.sampled_from(
    [
        *(
            b"[Model1] ",
            b"[Model1]: ",
            b"(A pid=1) ",
            b"(A pid=1",
            b"x ",
            b"1 ",
            b"INFO ",
            b"INFO:",
            b"INFO:     ",
            b" ",
        ),
        *(b"01-27 15:47:39 ", b"[core.py:8] ", b"core.py:8] ", b'10.0.0.1:80 - "', b"WARNING", b"", b"\n", b"text"),
    ]
)


@given(st.lists(PARTS, max_size=7).map(b"".join))
@settings(max_examples=settings().max_examples * 5)
def test_for_every_line_a_common_head_is_what_looking_closer_finds(line: bytes) -> None:
    head = common_head(line)
    assert head in (None, head_of(line[prefix_of(line) :]))


def test_the_common_heads_are_those_of_vllm_and_uvicorn() -> None:
    assert common_head(b"[Model1] (A pid=1) WARNING 01-27 15:47:39 [core.py:8] x") == Head(
        "WARNING", "01-27 15:47:39", False
    )
    assert common_head(b'(A pid=1) INFO:     10.0.0.1:80 - "GET / HTTP/1.1" 200 OK') == Head("INFO", "", True)
    assert common_head(b"ERROR:    Exception in ASGI application") == Head("ERROR", "", False)
    assert common_head(b"Jan 27 15:40:21 host x") is None
