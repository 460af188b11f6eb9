"""vLLM log lines in any number: the same bytes for the same arguments, on any machine.

Rule 1: no chance and no clock; every line follows from its server and its request number.
Rule 2: the request number of an access line can be read back from its client address (`request_of`), that of the
other lines from the last eight digits of the request's name.

A request writes the lines of its profile: A access alone (vLLM's default), B the parameters too, C the prompt as well,
D the answer as well. One request in a thousand or so fails, warns or is aborted; every ten seconds there are
statistics and probes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, count
from typing import Final

from benchmarks.vllm_life import DEATH, START
from benchmarks.vllm_prompts import prompts
from shipper.demo.record import mix

BIJECTION: Final = 0x9E3779B1
INVERSE: Final = 0x0E8B2F51
MASK32: Final = 0xFFFFFFFF
PROCESS: Final = re.compile(r"\((?:APIServer|EngineCore_DP0) pid=\d+\)")
PROBES: Final = (("/health", 1), ("/metrics", 2))
PROBED_EVERY: Final = 10
"""Seconds."""
PARAMETERS: Final = (
    "SamplingParams(n=1, presence_penalty=0.0, frequency_penalty=0.0, repetition_penalty=1.0, temperature=0.7, "
    "top_p=0.8, top_k=20, min_p=0.0, seed=None, stop=[], stop_token_ids=[], bad_words=[], include_stop_str_in_output="
    "False, ignore_eos=False, max_tokens={}, min_tokens=0, logprobs=None, prompt_logprobs=None, skip_special_tokens="
    "True, spaces_between_special_tokens=True, truncate_prompt_tokens=None, structured_outputs=None, extra_args=None)"
)
TRACEBACK: Final = (
    "Error in preprocessing prompt inputs",
    "Traceback (most recent call last):",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/entrypoints/openai/serving_chat.py", line 237, in create',
    "    ) = await self._preprocess_chat(",
    "        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/entrypoints/openai/serving_engine.py", line 803, in _prep',
    "    raise ValueError(text)",
    "ValueError: This model's maximum context length is 8192 tokens. Please reduce the length of the messages.",
)
SHARES: Final = ((0.70, "A"), (0.25, "B"), (0.05, "C"))
"""Of the lines of the profile `mix`: 180 bytes a line on average."""
LINES_PER_REQUEST: Final = {"A": 1, "B": 3, "C": 3, "D": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What decides the bytes of a server's log."""

    profile: str = "mix"
    """A, B, C or D; `mix` has A, B and C in their usual shares."""
    seed: int = 1
    rate: int = 200
    """Requests that fall into each second."""
    tag: str = "[Model1] "
    t0: int = 1_700_000_000
    """When the first request comes, seconds since 1970."""
    ansi: bool = False
    """Whether the process prefix is cyan, as up to version 0.14."""
    head: bool = False
    """Whether the log begins with the start of the server."""
    death: bool = False
    """Whether the log ends with the death of its engine."""

    @property
    def prefix(self) -> str:
        """What stands before every line of the API's process."""
        return self.tag + ("\x1b[0;36m(APIServer pid=412)\x1b[0;0m " if self.ansi else "(APIServer pid=412) ")


def vllm_lines(count: int, server: Server = Server()) -> Iterator[bytes]:
    """Exactly `count` lines, LF included, of a server that goes on."""
    left = count
    for record in vllm_records(server):
        lines = lines_of(record) if b"\r" in record else [record]
        yield from lines[:left]
        left -= len(lines)
        if left <= 0:
            return


def vllm_records(server: Server, requests: int | None = None) -> Iterator[bytes]:
    """What a server of so many requests writes, one item a write; None: without end."""
    numbers = count() if requests is None else range(requests)
    start = START if server.head else ()
    death = DEATH if server.death and requests is not None else ()
    return chain(
        _told(start, server, server.t0),
        chain.from_iterable(map(_writer(server), numbers)),
        _told(death, server, server.t0 + (requests or 0) // server.rate),
    )


def lines_of(record: bytes) -> list[bytes]:
    """The lines of a record, LF included; only LF ends one."""
    return [line + b"\n" for line in record.split(b"\n")[:-1]]


def request_of(address: str) -> int:
    """The request number (below 2^32) behind a client's `ip:port`."""
    ip, _, port = address.partition(":")
    _, high, middle, low = map(int, ip.split("."))
    return (INVERSE * (high << 24 | middle << 16 | low << 8 | (int(port) - 32768) // 110)) & MASK32


def _told(records: tuple[str, ...], server: Server, second: int) -> Iterator[bytes]:
    """The start or the end of a server, whose records hold `{tag}` and `{time}`."""
    for record in records:
        told = record.replace("{tag}", server.tag).replace("{time}", _stamp(second))
        if server.ansi:
            told = PROCESS.sub("\x1b[0;36m\\g<0>\x1b[0;0m", told)
        yield told.encode()


def _writer(server: Server) -> Callable[[int], list[bytes]]:
    """What writes the records of a request."""
    profiles = _mixed() if server.profile == "mix" else server.profile
    spread = server.seed * 0x9E3779B97F4A7C15
    head, pool, rate, often = server.prefix, prompts(server.seed), server.rate, server.rate * PROBED_EVERY

    def records(number: int) -> list[bytes]:
        stamp = _stamp(server.t0 + number // rate)
        found = _statistics(head, server.seed, number // often, stamp) if number % often == 0 and number else []
        found += _request(head, number, mix(spread ^ number), stamp, profiles[number % len(profiles)], server, pool)
        return [record.encode() for record in found]

    return records


@lru_cache(maxsize=1)
def _mixed() -> str:
    """Profiles of a thousand requests in a fixed order, so that each gets its share of the lines."""
    weights = {profile: share / LINES_PER_REQUEST[profile] for share, profile in SHARES}
    total = sum(weights.values())
    names = "".join(profile * round(1000 * weight / total) for profile, weight in weights.items())
    return "".join(name for _, name in sorted((mix(place), name) for place, name in enumerate(names)))


@lru_cache(maxsize=4)
def _stamp(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%m-%d %H:%M:%S}"


def _request(
    head: str, number: int, chance: int, stamp: str, profile: str, server: Server, pool: tuple[str, ...]
) -> list[str]:
    rare = ((chance >> 44 & 0xFFFFF) * 100_000) >> 20
    found = _before(head, stamp, rare)
    found.append(_access(head, number, chance, rare))
    if profile == "A":
        return found
    identity = f"chatcmpl-{mix(number ^ server.seed << 40) & MASK32:08x}{number:08x}"
    inner = f"{identity}-{chance & MASK32:08x}"
    asked = pool[chance >> 8 & 255] if profile in "CD" else None
    found.insert(0, _received(head, identity, chance, stamp, asked))
    found.insert(1, f"{head}INFO {stamp} [async_llm.py:382] Added request {inner}.\n")
    if 900 <= rare < 1900:
        found.append(f"{head}INFO {stamp} [async_llm.py:480] Request {inner} aborted.\n")
    if profile == "D":
        found.append(_generated(head, identity, chance, stamp, pool))
    return found


def _received(head: str, identity: str, chance: int, stamp: str, asked: str | None) -> str:
    said = f"{head}INFO {stamp} [logger.py:{49 if asked is None else 40}] Received request {identity}: "
    parameters = PARAMETERS.format(256 << (chance >> 6 & 3))
    if asked is None:
        return f"{said}params: {parameters}, lora_request: None.\n"
    return (
        f"{said}prompt: '<|im_start|>user\\n{asked}<|im_end|>\\n<|im_start|>assistant\\n', params: {parameters}, "
        "prompt_token_ids: None, prompt_embeds shape: None, lora_request: None.\n"
    )


def _before(head: str, stamp: str, rare: int) -> list[str]:
    """What goes wrong before the answer; a record of several lines ends all but the last with CR LF."""
    if rare < 30:
        return ["\r\n".join(f"{head}ERROR {stamp} [serving_chat.py:257] {line}" for line in TRACEBACK) + "\n"]
    if 700 <= rare < 900:
        ignored = "The following fields were present in the request but ignored: {'repeat_penalty'}"
        return [f"{head}WARNING {stamp} [protocol.py:117] {ignored}\n"]
    return []


def _access(head: str, number: int, chance: int, rare: int) -> str:
    place = (number * BIJECTION) & MASK32
    port = 32768 + (place & 255) * 110 + (chance >> 3) % 110
    client = f"10.{place >> 24}.{place >> 16 & 255}.{place >> 8 & 255}:{port}"
    path = "/v1/chat/completions" if rare % 10 else "/v1/completions"
    return f'{head}INFO:     {client} - "POST {path} HTTP/1.1" {"200 OK" if rare >= 700 else _status(rare)}\n'


def _status(rare: int) -> str:
    if rare < 600:
        return "400 Bad Request"
    return "500 Internal Server Error" if rare < 620 else "404 Not Found"


def _generated(head: str, identity: str, chance: int, stamp: str, pool: tuple[str, ...]) -> str:
    reason = "length" if chance >> 28 & 3 == 0 else "stop"
    return (
        f"{head}INFO {stamp} [logger.py:75] Generated response {identity}: output: '{pool[chance >> 20 & 255]}', "
        f"output_token_ids: None, finish_reason: {reason}\n"
    )


def _statistics(head: str, seed: int, turn: int, stamp: str) -> list[str]:
    chance = mix(seed ^ 0x57A7 << 32 ^ turn)
    return [
        f"{head}INFO {stamp} [loggers.py:248] Engine 000: Avg prompt throughput: {chance % 90_000 / 10:.1f} tokens/s, "
        f"Avg generation throughput: {(chance >> 20) % 20_000 / 10:.1f} tokens/s, Running: {(chance >> 40) % 64} reqs, "
        f"Waiting: 0 reqs, GPU KV cache usage: {(chance >> 48) % 1000 / 10:.1f}%, Prefix cache hit rate: 15.1%\n",
        *(f'{head}INFO:     10.255.0.{host}:40000 - "GET {path} HTTP/1.1" 200 OK\n' for path, host in PROBES),
    ]
