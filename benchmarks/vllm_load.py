"""vLLM log lines in any number: the same bytes for the same arguments, on any machine.

Rule 1: no chance and no clock; every line follows from its request number.
Rule 2: the request number of an access line can be read back from its client address (`request_of`).

A request writes the lines of its profile: A access alone (vLLM's default), B the parameters too, C the prompt as well.
One request in a thousand or so fails, warns or is aborted; every ten seconds there are statistics and probes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache

from shipper.demo.record import mix

BIJECTION, INVERSE = 0x9E3779B1, 0x0E8B2F51
MASK32 = 0xFFFFFFFF
HEAD = "[Model1] (APIServer pid=412) "
PARAMETERS = (
    "SamplingParams(n=1, presence_penalty=0.0, frequency_penalty=0.0, repetition_penalty=1.05, temperature=0.7, "
    "top_p=0.8, top_k=20, min_p=0.0, seed=None, stop=[], stop_token_ids=[], bad_words=[], include_stop_str_in_output="
    "False, ignore_eos=False, max_tokens={}, min_tokens=0, logprobs=None, prompt_logprobs=None, skip_special_tokens="
    "True, spaces_between_special_tokens=True, truncate_prompt_tokens=None, structured_outputs=None, extra_args=None)"
)
STATUSES = ((600, "400 Bad Request"), (620, "500 Internal Server Error"), (700, "404 Not Found"), (100_000, "200 OK"))
TRACEBACK = (
    "Error in preprocessing prompt inputs",
    "Traceback (most recent call last):",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/entrypoints/openai/serving_chat.py", line 237, in create',
    "    ) = await self._preprocess_chat(",
    "        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    '  File "/usr/local/lib/python3.12/dist-packages/vllm/entrypoints/openai/serving_engine.py", line 803, in _prep',
    "    raise ValueError(text)",
    "ValueError: This model's maximum context length is 8192 tokens. Please reduce the length of the messages.",
)

SHARES = ((0.885, "A"), (0.105, "B"), (0.01, "C"))
"""Of the lines, by profile: 140 bytes a line on average."""
LINES_PER_REQUEST = {"A": 1, "B": 3, "C": 3}


def vllm_lines(count: int, *, seed: int = 1, rate: int = 200, t0: int = 1_700_000_000) -> Iterator[bytes]:
    """Exactly `count` lines, LF included; `rate` requests fall into each second from `t0` (seconds since 1970) on."""
    left = count
    for record in _records(seed, rate, t0):
        lines = record.encode().splitlines(keepends=True) if "\r" in record else [record.encode()]
        yield from lines[:left]
        left -= len(lines)
        if left <= 0:
            return


def request_of(address: str) -> int:
    """The request number (below 2^32) behind a client's `ip:port`."""
    ip, _, port = address.partition(":")
    _, high, middle, low = map(int, ip.split("."))
    return (INVERSE * (high << 24 | middle << 16 | low << 8 | (int(port) - 32768) // 110)) & MASK32


def _records(seed: int, rate: int, t0: int) -> Iterator[str]:
    profiles = _profiles()
    spread = seed * 0x9E3779B97F4A7C15
    prompts = [_prompt(seed, number) for number in range(256)]
    number = 0
    while True:
        stamp = _stamp(t0 + number // rate)
        if number % (rate * 10) == 0 and number:
            yield from _statistics(seed, number // (rate * 10), stamp)
        yield from _request(number, mix(spread ^ number), stamp, profiles[number % len(profiles)], seed, prompts)
        number += 1


def _profiles() -> str:
    """Profiles of a thousand requests in a fixed order, so that each gets its share of the lines."""
    weights = {profile: share / LINES_PER_REQUEST[profile] for share, profile in SHARES}
    total = sum(weights.values())
    names = "".join(profile * round(1000 * weight / total) for profile, weight in weights.items())
    return "".join(sorted(names, key=_shuffled()))


def _shuffled() -> Callable[[str], int]:
    """A sort key that puts things in an order of its own, the same each time."""
    place = iter(range(1 << 62))
    return lambda _: mix(next(place))


@lru_cache(maxsize=4)
def _stamp(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%m-%d %H:%M:%S}"


def _request(number: int, chance: int, stamp: str, profile: str, seed: int, prompts: list[str]) -> Iterator[str]:
    rare = ((chance >> 44 & 0xFFFFF) * 100_000) >> 20
    identity = f"chatcmpl-{mix(number ^ seed << 40) & MASK32:08x}{number:08x}"
    if profile != "A":
        limit = 256 << (chance >> 6 & 3)
        prompt = f"prompt: '{prompts[chance >> 8 & 255]}', " if profile == "C" else ""
        yield (
            f"{HEAD}INFO {stamp} [logger.py:49] Received request {identity}: {prompt}"
            f"params: {PARAMETERS.format(limit)}, lora_request: None.\n"
        )
        yield f"{HEAD}INFO {stamp} [async_llm.py:382] Added request {identity}-{chance & MASK32:08x}.\n"
    if rare < 30:
        yield "\r\n".join(f"{HEAD}ERROR {stamp} [serving_chat.py:257] {line}" for line in TRACEBACK) + "\n"
    elif 700 <= rare < 900:
        ignored = "The following fields were present in the request but ignored: {'repeat_penalty'}"
        yield f"{HEAD}WARNING {stamp} [protocol.py:117] {ignored}\n"
    yield _access(number, chance, rare)
    if 900 <= rare < 1900 and profile != "A":
        yield f"{HEAD}INFO {stamp} [async_llm.py:480] Request {identity}-{chance & MASK32:08x} aborted.\n"


def _access(number: int, chance: int, rare: int) -> str:
    place = (number * BIJECTION) & MASK32
    port = 32768 + (place & 255) * 110 + (chance >> 3) % 110
    client = f"10.{place >> 24}.{place >> 16 & 255}.{place >> 8 & 255}:{port}"
    status = next(words for below, words in STATUSES if rare < below)
    path = "/v1/completions" if rare % 10 == 0 else "/v1/chat/completions"
    return f'{HEAD}INFO:     {client} - "POST {path} HTTP/1.1" {status}\n'


def _statistics(seed: int, turn: int, stamp: str) -> Iterator[str]:
    chance = mix(seed ^ 0x57A7 << 32 ^ turn)
    yield (
        f"{HEAD}INFO {stamp} [loggers.py:248] Engine 000: Avg prompt throughput: {chance % 90_000 / 10:.1f} tokens/s, "
        f"Avg generation throughput: {(chance >> 20) % 20_000 / 10:.1f} tokens/s, Running: {(chance >> 40) % 64} reqs, "
        f"Waiting: 0 reqs, GPU KV cache usage: {(chance >> 48) % 1000 / 10:.1f}%, Prefix cache hit rate: 15.1%\n"
    )
    for path, host in (("/health", 1), ("/metrics", 2)):
        yield f'{HEAD}INFO:     10.255.0.{host}:40000 - "GET {path} HTTP/1.1" 200 OK\n'


def _prompt(seed: int, number: int) -> str:
    """A prompt of some hundred characters, every other one in Korean, its newlines written `\\n`."""
    chance = mix(seed ^ 0xABCD0000 ^ number)
    length = 40 + (chance & 0x3FF) + (chance >> 10 & 0x3FF) * (chance >> 20 & 7)
    words: list[str] = []
    size = 0
    while size < length:
        chance = mix(chance)
        word = _korean(chance) if number & 1 else _english(chance)
        words.append(word + ("\\n" if chance >> 60 == 0 else " "))
        size += len(words[-1])
    return "<|im_start|>user\\n" + "".join(words) + "<|im_end|>\\n<|im_start|>assistant\\n"


def _english(chance: int) -> str:
    return "".join(chr(97 + (chance >> 5 * place) % 26) for place in range(2 + chance % 8))


def _korean(chance: int) -> str:
    return "".join(chr(0xAC00 + (chance >> 12 * place & 4095) * 11172 // 4096) for place in range(1 + chance % 5))
