"""The generated vLLM logs: the same bytes each time, every request accounted for, shaped as measured on real ones."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest
from benchmarks.vllm_load import Server, request_of, vllm_lines, vllm_records
from benchmarks.vllm_prompts import prompts

ACCESS = re.compile(rb'INFO:     (10\.\d+\.\d+\.\d+:\d+) - "POST')
NAMED = re.compile(rb"(?:Received request|Added request|Generated response) chatcmpl-[0-9a-f]{8}([0-9a-f]{8})")


def _kinds(lines: list[bytes]) -> str:
    """Each line of the usual kinds as a letter: received, added, access, generated."""
    marks = {b"Received ": "r", b"Added ": "a", b'"POST ': "x", b"Generated ": "g"}
    return "".join(letter for line in lines for mark, letter in marks.items() if mark in line)


@pytest.mark.parametrize(
    ("profile", "kinds", "requests"),
    [("A", "x", 50_000), ("B", "rax", 10_000), ("C", "rax", 5_000), ("D", "raxg", 5_000)],
)
def test_every_line_of_every_request_is_there_once_and_in_order(profile: str, kinds: str, requests: int) -> None:
    lines = list(vllm_records(Server(profile=profile), requests))
    asked = [request_of(match[1].decode()) for match in map(ACCESS.search, lines) if match]
    named = [int(match[1], 16) for match in map(NAMED.search, lines) if match]
    each = len(kinds) - 1
    assert asked == list(range(requests))
    assert named == [number for number in range(requests) for _ in range(each)]
    assert _kinds(lines) == kinds * requests


@pytest.mark.parametrize(
    ("profile", "mean", "half", "ninety", "longest"),
    [("A", 105, 104, 105, 252), ("B", 267, 117, 580, 580), ("C", 843, 117, 2419, 12944), ("D", 1080, 119, 2919, 12944)],
)
def test_lines_are_as_long_as_those_of_real_servers(
    profile: str, mean: int, half: int, ninety: int, longest: int
) -> None:
    text = b"".join(vllm_records(Server(profile=profile), 20_000))
    lengths = sorted(map(len, text.splitlines()))
    assert sum(lengths) / len(lengths) == pytest.approx(mean, rel=0.03)
    assert lengths[len(lengths) // 2] == half
    assert lengths[len(lengths) * 9 // 10] == pytest.approx(ninety, rel=0.03)
    assert lengths[-1] == longest


def test_prompts_are_as_long_as_specified() -> None:
    lengths = sorted(map(len, prompts(1)))
    assert (lengths[128], lengths[230], lengths[253], lengths[-1]) == (668, 2349, 6236, 12248)
    assert 100 < sum(prompt.isascii() for prompt in prompts(1)) < 156


@pytest.mark.parametrize(
    ("server", "start"),
    [
        (Server(profile="A"), "d5ccb36a14abba8b"),
        (Server(profile="D", ansi=True, head=True, death=True), "7bd1693a4b7cb69f"),
        (Server(profile="mix", seed=7, rate=1000, tag="", t0=1_769_000_000), "bd36646d4b61280d"),
    ],
)
def test_the_same_arguments_make_the_same_bytes_on_any_machine(server: Server, start: str) -> None:
    assert sha256(b"".join(vllm_records(server, 5000))).hexdigest()[:16] == start


def test_rare_events_come_as_often_as_specified() -> None:
    text = b"".join(vllm_records(Server(profile="A"), 200_000))
    per_mille = {
        b'" 400 Bad Request': 6.0, b'" 500 Internal': 0.2, b'" 404 Not Found': 0.8, b"] Traceback ": 0.3,
        b" WARNING ": 2.0, b"/v1/completions ": 100.0, b"Engine 000: ": 0.5, b"GET /health": 0.5, b"GET /metrics": 0.5,
    }  # fmt: skip
    counted = {mark: text.count(mark) / 200 for mark in per_mille}
    assert counted == pytest.approx(per_mille, rel=0.25)


def test_an_error_is_one_record_of_eight_lines_that_end_cr_lf_but_for_the_last() -> None:
    records = [record for record in vllm_records(Server(profile="A"), 50_000) if b"ERROR" in record]
    assert len(records) > 5
    assert {(record.count(b"\r\n"), record.count(b"\n"), record[-2:] == b"\r\n") for record in records} == {
        (7, 8, False)
    }


def test_a_server_starts_with_bars_and_dies_with_tracebacks() -> None:
    lines = b"".join(vllm_records(Server(head=True, death=True, profile="A"), 10)).split(b"\n")[:-1]
    assert len(lines) == 60 + 10 + 17 + 8
    assert [line.count(b"\r") for line in lines[:60] if b"\rLoading" in line] == [1] * 6
    assert [line.count(b"\rCapturing") for line in lines[:60] if b"Capturing" in line] == [52, 36]
    assert b"EngineDeadError" in lines[-1]


def test_colour_adds_thirteen_bytes_a_line() -> None:
    plain, coloured = (b"".join(vllm_records(Server(ansi=ansi, head=True), 500)) for ansi in (False, True))
    assert len(coloured) - len(plain) == 13 * (plain.count(b"\n"))
    assert re.sub(rb"\x1b\[0(;36|;0)m", b"", coloured) == plain


def test_the_mix_has_as_many_lines_as_asked_for_and_its_shares_of_profiles() -> None:
    lines = list(vllm_lines(200_000))
    received = [line for line in lines if b"Received" in line]
    assert len(lines) == 200_000
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    assert 3 * sum(b"prompt: '" in line for line in received) / 200_000 == pytest.approx(0.05, rel=0.1)
    assert 3 * sum(b"prompt: '" not in line for line in received) / 200_000 == pytest.approx(0.25, rel=0.1)
