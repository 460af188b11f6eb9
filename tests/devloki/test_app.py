"""The application: routes, tenants, books, and what every reply says."""

import gzip

import pytest
import snappy

JOB = '{job="a"}'
HOUR = 3600 * 1_000_000_000


@pytest.mark.parametrize("path", ["/", "/ready", "/metrics", "/nope", "/loki/api/v1/push", "/loki/api/v1/query"])
@pytest.mark.parametrize("version", ["2.9", "3.4"])
def test_every_reply_says_that_this_is_no_database(start, version, path):
    said = start(version=version).get(path).headers["x-devloki"]
    assert said == f"a stand-in for Loki {version}, not a database for production"


def test_the_page_says_it_too_and_names_what_differs(loki):
    page = loki.get("/").text
    assert "<strong>This is a stand-in for Loki 3.4, not a database for production.</strong>" in page
    assert "WebSocket" in page


def test_it_is_ready_at_once(loki):
    reply = loki.get("/ready")
    assert (reply.status_code, reply.text) == (200, "ready\n")


@pytest.mark.parametrize(("version", "number"), [("2.9", "2.9.0"), ("3.4", "3.4.6")])
def test_the_build_info_names_the_release(start, version, number):
    assert start(version=version).get("/loki/api/v1/status/buildinfo").json()["version"] == number


@pytest.mark.parametrize(("version", "line"), [("2.9", "0B"), ("3.4", "256KB")])
def test_the_limits_are_shown_as_loki_s_configuration_shows_them(start, version, line):
    page = start(version=version).get("/config").text.splitlines()
    assert page[0] == "limits_config:"
    assert f"  max_line_size: {line}" in page
    assert "  reject_old_samples_max_age: 1w" in page
    assert ("  allow_structured_metadata: true" in page) == (version == "3.4")


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/loki/api/v1/push", 405, ""),
        ("POST", "/loki/api/v1/push/", 404, "404 page not found"),
        ("GET", "/", 200, None),
        ("DELETE", "/ready", 405, ""),
    ],
)
def test_unknown_paths_and_wrong_methods_are_answered_as_loki_does(loki, method, path, status, text):
    reply = loki.request(method, path)
    assert reply.status_code == status
    assert text is None or reply.text == text


def test_a_request_without_a_tenant_belongs_to_the_tenant_fake(loki):
    loki.push((JOB, [(loki.now, "x")]))
    reply = loki.request(
        "GET", "/loki/api/v1/query_range", params={"query": JOB, "end": loki.now + 1}, headers={"x-scope-orgid": "fake"}
    )
    assert len(reply.json()["data"]["result"]) == 1


def test_with_authentication_a_query_without_a_tenant_is_refused_too(start):
    reply = start(auth=True).get("/loki/api/v1/query_range", query=JOB)
    assert (reply.status_code, reply.text) == (401, "no org id")


@pytest.mark.parametrize(
    ("version", "tenant", "words"),
    [
        ("2.9", "..", "invalid tenant ID"),
        ("2.9", "a\\b", "invalid tenant ID"),
        ("3.4", "..", "tenant ID is '.' or '..'"),
        ("3.4", "a b", "tenant ID 'a b' contains unsupported character ' '"),
        ("3.4", "a" * 151, "tenant ID is too long: max 150 characters"),
    ],
)
def test_a_bad_tenant_is_refused_in_the_releases_words(start, version, tenant, words):
    assert start(version=version).push((JOB, []), tenant=tenant) == (400, words)


def test_a_gzipped_protobuf_push_is_unpacked(loki, encoded):
    content = gzip.compress(snappy.compress(encoded([(JOB, [(loki.now, "x")])])))
    assert loki.post(content, {"content-encoding": "gzip"}).status_code == 204
    assert loki.lines(JOB) == ["x"]


@pytest.fixture
def labelled(start):
    loki = start(version="3.4")
    loki.push(('{job="b", level="error"}', [(loki.now, "x")]), ('{job="a"}', [(loki.now - HOUR, "x")]))
    return loki


def test_label_names_values_and_series(labelled):
    until = {"end": labelled.now + 1}
    assert labelled.get("/loki/api/v1/labels", **until).json() == {
        "status": "success",
        "data": ["job", "level", "service_name"],
    }
    assert labelled.get("/loki/api/v1/label/job/values", **until).json()["data"] == ["a", "b"]
    assert labelled.get("/loki/api/v1/label/job/values", query='{level="error"}', **until).json()["data"] == ["b"]
    assert labelled.get("/loki/api/v1/label/job/values", since="10m", **until).json()["data"] == ["b"]
    assert labelled.get("/loki/api/v1/label/nope/values", **until).json()["data"] == []
    assert labelled.get("/loki/api/v1/series", **until | {"match[]": '{job="a"}'}).json()["data"] == [
        {"job": "a", "service_name": "a"}
    ]


def test_a_question_may_be_asked_with_a_form(labelled):
    reply = labelled.request(
        "POST",
        "/loki/api/v1/series",
        data={"match[]": '{job="a"}', "end": str(labelled.now)},
    )
    assert reply.json()["data"] == [{"job": "a", "service_name": "a"}]


def test_with_the_limits_off_a_question_without_a_start_looks_at_everything(start):
    loki = start(limits=False)
    loki.push((JOB, [(loki.now - 9000 * HOUR, "old")]))
    assert loki.get("/loki/api/v1/labels").json()["data"] == ["job", "service_name"]
    assert len(loki.get("/loki/api/v1/query_range", query=JOB).json()["data"]["result"]) == 1


def test_more_entries_than_a_query_may_have_are_refused(loki):
    reply = loki.get("/loki/api/v1/query_range", query=JOB, limit=5001)
    assert (reply.status_code, reply.text) == (
        400,
        "max entries limit per query exceeded, limit > max_entries_limit (5001 > 5000)",
    )


def test_a_wrong_query_is_answered_with_its_place(loki):
    reply = loki.get("/loki/api/v1/query_range", query="{a=}")
    assert (reply.status_code, reply.text) == (
        400,
        'parse error at line 1, col 4: syntax error: unexpected "}", expected a string in quotes',
    )


def test_a_push_beyond_the_bound_is_refused_whole_and_said(start):
    loki = start(max_bytes=2064)
    assert loki.push((JOB, [(loki.now, "x" * 2048)])) == (204, "")
    assert loki.push(('{job="b"}', [(loki.now, "y")])) == (
        500,
        "devloki holds 2064B, all that --max-bytes allows; it is a stand-in that keeps everything in memory: "
        "start it again, or with a larger --max-bytes",
    )
    assert loki.lines('{job=~".+"}') == ["x" * 2048]


def test_the_books_count_what_came_and_what_became_of_it(loki):
    loki.push((JOB, [(loki.now, "x"), (loki.now, "x")]), ('{job="b"}', [(loki.now - 200 * HOUR, "old")]))
    loki.push(("{a=}", []))
    loki.post(b"garbage")
    assert loki.stats() == {
        "pushes": 2,
        "pushes_by_status": {"400": 2},
        "entries_received": 3,
        "entries_stored": 1,
        "entries_ignored": 1,
        "streams": 1,
        "line_bytes": 1,
        "requests_by_status": {"400": 3},
    }
    first, second = loki.get("/devloki/pushes").json()
    refusal = first.pop("refusal")
    assert first == {
        "time": str(loki.now),
        "tenant": "fake",
        "streams": [{"labels": JOB, "entries": 2}, {"labels": '{job="b"}', "entries": 1}],
        "stored": 1,
        "ignored": 1,
        "status": 400,
    }
    assert refusal.startswith('entry for stream \'{job="b", service_name="b"}\' has timestamp too old: ')
    assert loki.get("/devloki/pushes", last=1).json() == [second]


def test_the_metrics_are_the_books(loki):
    loki.push((JOB, [(loki.now, "x"), (loki.now, "x")]))
    samples = [line for line in loki.get("/metrics").text.splitlines() if not line.startswith("#")]
    assert samples == [
        "devloki_entries_received_total 2",
        "devloki_entries_stored_total 1",
        "devloki_entries_ignored_total 1",
        "devloki_streams 1",
        "devloki_line_bytes 1",
        'devloki_requests_total{status="204"} 1',
    ]
