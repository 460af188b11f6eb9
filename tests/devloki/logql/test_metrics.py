"""Metric queries, answered."""

import json

import pytest

SECOND = 1_000_000_000
OK, ERROR = '{job="fastapi", level="info"}', '{job="fastapi", level="error"}'


@pytest.fixture
def filled(start):
    """Three requests in the last minute, one an error, and one four minutes old."""
    loki = start(version="2.9")

    def line(duration: float, request: str) -> str:
        return json.dumps({"duration_ms": duration, "request_id": request, "took": "1.5s", "size": "2KB"})

    loki.push(
        (
            OK,
            [
                (loki.now - 240 * SECOND, line(10, "a")),
                (loki.now - 30 * SECOND, line(20, "a")),
                (loki.now, line(60, "b")),
            ],
        ),
        (ERROR, [(loki.now - 10 * SECOND, line(110, "b"))]),
    )
    return loki


LEVELS = [{"job": "fastapi", "level": "error"}, {"job": "fastapi", "level": "info"}]


@pytest.mark.parametrize(
    ("query", "vector"),
    [
        ('count_over_time({job="fastapi"}[5m])', [(LEVELS[0], "1"), (LEVELS[1], "3")]),
        ('rate({job="fastapi"}[1m])', [(LEVELS[0], "0.016666666666666666"), (LEVELS[1], "0.03333333333333333")]),
        ('sum(count_over_time({job="fastapi"}[5m]))', [({}, "4")]),
        ('sum(rate({job="fastapi", level="error"}[5m])) / sum(rate({job="fastapi"}[5m]))', [({}, "0.25")]),
        (
            'sum by(request_id) (count_over_time({job="fastapi"} | json [5m]))',
            [({"request_id": "a"}, "2"), ({"request_id": "b"}, "2")],
        ),
        ('avg(avg_over_time({job="fastapi"} | json | unwrap duration_ms [5m]) by (job))', [({}, "50")]),
        ('max_over_time({job="fastapi"} | json | unwrap duration_ms [5m]) by (job)', [({"job": "fastapi"}, "110")]),
        (
            'min_over_time({job="fastapi"} | json | unwrap duration_ms [5m]) by (level)',
            [({"level": "error"}, "110"), ({"level": "info"}, "10")],
        ),
        ('sum_over_time({job="fastapi"} | json | unwrap duration(took) [5m]) by (job)', [({"job": "fastapi"}, "6")]),
        ('sum_over_time({job="fastapi"} | json | unwrap bytes(size) [5m]) by (job)', [({"job": "fastapi"}, "8000")]),
        (
            'quantile_over_time(0.5, {job="fastapi"} | json | unwrap duration_ms [5m]) by (job)',
            [({"job": "fastapi"}, "40")],
        ),
        ('last_over_time({level="info"} | json | unwrap duration_ms [5m]) by (job)', [({"job": "fastapi"}, "60")]),
        ('sum_over_time({job="fastapi"} | json | unwrap nothing [5m])', []),
        ('count_over_time({job="fastapi"}[5m] offset 1m)', [(LEVELS[1], "1")]),
        ('sum(bytes_over_time({level="error"}[5m]))', [({}, "70")]),
        ('sum without (level) (count_over_time({job="fastapi"}[5m]))', [({"job": "fastapi"}, "4")]),
        ('count(count_over_time({job="fastapi"}[5m]))', [({}, "2")]),
        ('topk(1, count_over_time({job="fastapi"}[5m]))', [(LEVELS[1], "3")]),
        ('bottomk(1, count_over_time({job="fastapi"}[5m]))', [(LEVELS[0], "1")]),
        ('count_over_time({job="fastapi"}[5m]) > 1', [(LEVELS[1], "3")]),
        ('count_over_time({job="fastapi"}[5m]) > bool 1', [(LEVELS[0], "0"), (LEVELS[1], "1")]),
        ('2 * count_over_time({level="error"}[5m])', [(LEVELS[0], "2")]),
        (
            'count_over_time({level="error"}[5m]) or count_over_time({job="fastapi"}[5m])',
            [(LEVELS[0], "1"), (LEVELS[1], "3")],
        ),
        ('count_over_time({job="fastapi"}[5m]) unless count_over_time({level="error"}[5m])', [(LEVELS[1], "3")]),
        ('count_over_time({job="fastapi"}[5m]) and count_over_time({level="error"}[5m])', [(LEVELS[0], "1")]),
        (
            'count_over_time({level="error"}[5m]) / on(job) sum by (job) (count_over_time({job="fastapi"}[5m]))',
            [({"job": "fastapi"}, "0.25")],
        ),
        ('sum(rate({job="fastapi"}[5m])) / 0', [({}, "+Inf")]),
        ('sum(rate({job="nobody"}[5m]))', []),
    ],
)
def test_a_metric_query_gives_its_vector(filled, query, vector):
    assert filled.vector(query) == vector


def test_a_range_excludes_its_start_and_includes_its_end(start):
    loki = start(version="2.9")
    loki.push((OK, [(loki.now - 60 * SECOND, "start"), (loki.now, "end")]))
    assert loki.vector(f"count_over_time({OK}[60s])") == [(LEVELS[1], "1")]


def test_a_line_that_cannot_be_parsed_fails_the_query_until_it_is_filtered(filled):
    filled.push((OK, [(filled.now, "plain")]))
    query = 'sum(avg_over_time({job="fastapi"} | json %s| unwrap duration_ms [5m]))'
    reply = filled.get("/loki/api/v1/query", query=query % "", time=filled.now)
    assert (reply.status_code, reply.text) == (
        400,
        'pipeline error: \'JSONParserErr\' for series: \'{__error__="JSONParserErr", job="fastapi", level="info"}\'.\n'
        'Use a label filter to intentionally skip this error. (e.g | __error__!="JSONParserErr").',
    )
    assert filled.vector(query % '| __error__="" ') == [({}, "185")]


def test_a_value_that_is_no_number_fails_the_query(filled):
    reply = filled.get("/loki/api/v1/query", query='sum(sum_over_time({job="fastapi"} | json | unwrap took [5m]))')
    assert (reply.status_code, reply.text.split("'")[1]) == (400, "SampleExtractionErr")


def test_a_range_query_gives_a_matrix_in_steps(filled):
    now = filled.now // SECOND
    parameters = {"query": f"count_over_time({OK}[1m])", "start": now - 270, "end": now + 30, "step": "60s"}
    reply = filled.get("/loki/api/v1/query_range", **parameters)
    assert reply.json()["data"] == {
        "resultType": "matrix",
        "result": [{"metric": LEVELS[1], "values": [[now - 210, "1"], [now + 30, "2"]]}],
        "stats": {},
    }


def test_a_number_alone_is_a_scalar(loki):
    reply = loki.get("/loki/api/v1/query", query="1 + 1 == bool 2", time=5)
    assert reply.json()["data"] == {"resultType": "scalar", "result": [5, "1"], "stats": {}}


def test_a_log_query_is_no_instant_query(loki):
    reply = loki.get("/loki/api/v1/query", query='{a="x"}')
    assert (reply.status_code, reply.text) == (
        400,
        "log queries are not supported as an instant query type, please change your query to a range query type",
    )
