"""Two vLLM servers in one container: text behind `[ModelN]`, records over many lines, bars inside lines.

Line formats: one process prefix per line, errors with the head repeated on each line and CR LF between them, weights
loading as one line per redraw, graph capture as many redraws on one line.
"""

from __future__ import annotations

from collections.abc import Callable

from shipper.demo.record import Line, Now, Record, Records, block, mix, plain

TRACEBACK = (
    "Error in preprocessing prompt inputs",
    "Traceback (most recent call last):",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/entrypoints/openai/serving_chat.py", line 237, in create',
    "    ) = await self._preprocess_chat(",
    "        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    "ValueError: This model's maximum context length is 8192 tokens; request {number} has more.",
)


def records(model: int, process: str) -> Callable[[Now], Records]:
    """What server `model` writes to `modelN_YYYYmmdd_HHMMSS.log`, with `process` before each line."""
    return lambda now: _records(f"[Model{model}] {process} ", now)


def _records(head: str, now: Now) -> Records:
    for shard in range(1, 5):
        yield _shard(head, shard)
        yield plain(head)
    yield _capture(head)
    number = 0
    while True:
        number += 1
        if number % 71 == 0:
            yield _error(head, now, number)
        elif number % 89 == 0:
            yield _raw_traceback(head, number)
        elif number % 10 == 0:
            yield plain(f"{head}INFO {now():%m-%d %H:%M:%S} [loggers.py:127] Engine 000: Running: {number} reqs")
        else:
            yield _access(head, number)


def _access(head: str, number: int) -> Record:
    chance = mix(number)
    client = f"10.{chance >> 8 & 255}.{chance >> 16 & 255}.{chance >> 24 & 255}:{10_000 + number % 50_000}"
    status = "200 OK" if chance % 50 else "400 Bad Request"
    return plain(f'{head}INFO:     {client} - "POST /v1/chat/completions?r={number} HTTP/1.1" {status}')


def _error(head: str, now: Now, number: int) -> Record:
    repeated = f"{head}ERROR {now():%m-%d %H:%M:%S} [serving_chat.py:257] "
    lines = [repeated + line.replace("{number}", str(number)) for line in TRACEBACK]
    return Record(("\r\n".join(lines) + "\n").encode(), tuple(map(Line, lines)))


def _raw_traceback(head: str, number: int) -> Record:
    lines = ("Process EngineCore_DP0:", *TRACEBACK[1:5], f"RuntimeError: CUDA out of memory in call {number}")
    return block("\n".join(head + line for line in lines))


def _shard(head: str, shard: int) -> Record:
    state = f"Loading safetensors checkpoint shards: {shard * 25:3d}% Completed | {shard}/4 [00:01<00:03,  1.31s/it]"
    return Record(f"{head}\r{state}\n".encode(), (Line(head + state),))


def _capture(head: str) -> Record:
    states = [f"Capturing CUDA graphs (decode, FULL): {done * 100 // 35:3d}%|▎| {done}/35" for done in range(36)]
    data = head + "".join(f"\r{state}" for state in states) + "\n"
    return Record(data.encode(), (Line(head + states[-1]),), torn=True)
