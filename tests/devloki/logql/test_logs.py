"""Log queries, answered."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECOND = 1_000_000_000
FASTAPI = '{job="fastapi", level="info"}'


def event(**fields: object) -> str:
    return json.dumps(fields)


@pytest.fixture
def filled(start):
    """Three requests of fastapi, an error among them, a line that is no JSON, and a vLLM line."""
    loki = start(version="2.9")
    now = loki.now
    error = event(event="boom", status_code=500, duration_ms=30.5, request={"id": "r1"})
    loki.push(
        (FASTAPI, [(now - 5, event(event="POST /a", status_code=200)), (now - 3, "plain"), (now - 1, "level=x n=7")]),
        ('{job="fastapi", level="error"}', [(now - 4, error)]),
        ('{job="vllm", model="model1"}', [(now - 2, "서버 error")]),
    )
    return loki


@pytest.mark.parametrize(
    ("query", "ages"),
    [
        ('{job="fastapi"}', [5, 4, 3, 1]),
        ('{job="fastapi", level="error"}', [4]),
        ('{job!="fastapi", model=~".+"}', [2]),
        ('{job=~"fast.*|v"}', [5, 4, 3, 1]),
        ('{job=~".+", level=""}', [2]),
        ('{job=~".+", level!=""}', [5, 4, 3, 1]),
        ('{job!~"f.*", job=~".+"}', [2]),
        ('{job="nobody"}', []),
        ('{job="fastapi"} |= "POST"', [5]),
        ('{job="fastapi"} != "POST"', [4, 3, 1]),
        ('{job=~".+"} |= "POST" or "서버"', [5, 2]),
        ('{job="fastapi"} |~ "status_code\\": 5.."', [4]),
        ('{job=~".+"} |~ "(?i)POST|서버"', [5, 2]),
        ('{job="fastapi"} !~ "^plain$" != "boom"', [5, 1]),
        ('{job="fastapi"} | json | status_code > 400', [4]),
        ('{job="fastapi"} | json | status_code >= 200 and status_code < 500', [5]),
        ('{job="fastapi"} | json | status_code == 500 or event="POST /a"', [5, 4]),
        ('{job="fastapi"} | json | (status_code = 200 or status_code = 500), event=~"b.+"', [4]),
        ('{job="fastapi"} | json | request_id = "r1"', [4]),
        ('{job="fastapi"} | json | duration_ms > 30', [4]),
        ('{job="fastapi"} | json | __error__ = "JSONParserErr"', [3, 1]),
        ('{job="fastapi"} | json | event != ""', [5, 4]),
        ('{job="fastapi"} | logfmt | n = 7', [1]),
        ('{job="fastapi"} | logfmt | level_extracted = "x"', [1]),
        ('{job="fastapi"} | level = "error"', [4]),
        ('{job="fastapi"} | json | level > 5 | __error__ = "LabelFilterErr"', [5, 4, 3, 1]),
    ],
)
def test_a_query_finds_its_lines(filled, query, ages):
    assert [filled.now - time for time, _ in filled.entries(query)] == ages


def test_fields_become_labels_and_numbers_keep_their_text(start):
    loki = start(version="2.9")
    line = (
        '{"a": 1.50, "b": {"c-d": true, "e": null}, "f": [1], "1g": "x", "job": "y", "h": "", "i": 12345678901234567}'
    )
    loki.push(('{job="x"}', [(loki.now, line)]))
    assert loki.streams('{job="x"} | json') == [
        (
            {"job": "x", "a": "1.50", "b_c_d": "true", "_1g": "x", "job_extracted": "y", "i": "12345678901234567"},
            [(loki.now, line)],
        )
    ]
    assert loki.streams('{job="x"} | json | keep job, a') == [({"job": "x", "a": "1.50"}, [(loki.now, line)])]
    assert loki.streams('{job="x"} | drop job') == [({}, [(loki.now, line)])]


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a": "\\ud800"}', "{", '{"a": NaN}', "\ufeff{}", "\x00{\x00}\x00"])
def test_odd_json_never_breaks_a_query(start, line):
    loki = start(version="2.9")
    loki.push(('{job="x"}', [(loki.now, line)]))
    assert loki.lines('{job="x"} | json') == [line]


def test_the_start_is_inclusive_and_the_end_exclusive(filled):
    now = filled.now
    assert [time for time, _ in filled.entries('{job=~".+"}', start=now - 4, end=now - 2)] == [now - 4, now - 3]


def test_the_limit_takes_the_newest_backward_and_the_oldest_forward(filled):
    now = filled.now
    newest = filled.streams('{job="fastapi"}', limit=2, direction="backward")
    assert [(now - time) for _, values in newest for time, _ in values] == [1, 3]
    assert [(now - time) for time, _ in filled.entries('{job="fastapi"}', limit=2)] == [5, 4]


def test_entries_of_one_time_keep_their_order(start):
    loki = start(version="2.9")
    lines = [str(index) for index in range(9, -1, -1)]
    loki.push(('{job="x"}', [(loki.now, line) for line in lines]))
    (_, forward), (_, backward) = (loki.streams('{job="x"}', direction=way)[0] for way in ("forward", "backward"))
    assert [[line for _, line in forward], [line for _, line in reversed(backward)]] == [lines, lines]


def test_on_3_4_the_service_the_level_and_the_metadata_are_among_the_labels(loki):
    loki.push(('{app="a"}', [(loki.now, "an error", [("trace", "1")]), (loki.now + 1, "x")]))
    assert loki.streams('{app="a"}') == [
        ({"app": "a", "service_name": "a", "detected_level": "error", "trace": "1"}, [(loki.now, "an error")]),
        ({"app": "a", "service_name": "a", "detected_level": "unknown"}, [(loki.now + 1, "x")]),
    ]
    assert loki.lines('{app="a"} | detected_level="error"') == ["an error"]
    assert loki.lines('{app="a"} | trace="1"') == ["an error"]
    assert loki.lines('{app="a", trace="1"}') == []


def test_tenants_do_not_see_each_other(loki):
    loki.push(('{job="x"}', [(loki.now, "x")]), tenant="a")
    assert loki.lines('{job="x"}') == []


SELECTOR = st.sampled_from(['{job="fastapi"}', '{job=~".+"}', '{job=~"(?P<a>"}', '{level!~"é"}', "{}"])
STEP = st.sampled_from(
    [
        *(
            '|= "error"',
            '!= ""',
            '|~ "["',
            '!~ "x{0}"',
            "| json",
            "| logfmt",
            "| json a, b",
            "| status_code > 400",
            "| a =",
        ),
        *(
            '| status_code = ""',
            "| duration_ms >= 1s",
            "| n < 1e400",
            "| unwrap duration_ms",
            '| regexp "(?P<x>.)"',
            "[5m]",
        ),
        *(
            '| line_format "{{.x}}"',
            "| label_format a=b",
            '| a=~"("',
            "[0s]",
            "[9999999h]",
            "offset 1h",
            '| json x="a.b"',
        ),
    ]
)
METRIC = st.sampled_from(["%s", "rate(%s)", "count_over_time(%s[1m])", "sum by (job) (rate(%s[5m]))", "topk(-1, %s)"])
QUERY = st.builds(
    lambda metric, selector, steps: metric % " ".join((selector, *steps)), METRIC, SELECTOR, st.lists(STEP, max_size=3)
)
PARAMETERS = st.sampled_from(["start", "end", "time", "limit", "step", "since", "direction"])
WHEN = st.sampled_from(
    ["", "²", "9" * 5000, "0", "-1", "1e400", "nan", str(2**70), "2026-01-27T15:46:41Z", "1m", "5000"]
) | st.text(max_size=3)


@given(QUERY, st.just({}) | st.dictionaries(PARAMETERS, WHEN, max_size=2))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_for_every_query_and_parameters_the_answer_is_data_or_a_refusal(filled, query, parameters):
    """Queries change nothing, so one stand-in answers all."""
    for path in ("query", "query_range"):
        reply = filled.get(f"/loki/api/v1/{path}", query=query, **parameters)
        assert reply.status_code in (200, 400)
        assert reply.status_code == 400 or reply.json()["status"] == "success"
