"""Faults on demand: which request they strike, and what it meets."""

import msgspec
import pytest

from shipper.devloki.faults import Fault, FaultMatch, Faults

JOB = '{job="a"}'


def test_a_fault_strikes_as_often_as_it_says_and_in_the_order_added():
    faults = Faults([Fault(status=500, count=2), Fault(status=503)])
    assert [fault and fault.status for fault in (faults.take("push", "t") for _ in range(4))] == [500, 500, 503, None]


def test_a_fault_without_a_count_stays_until_cleared():
    faults = Faults([Fault(status=500, count=None)])
    assert [faults.take("push", "t") is not None for _ in range(3)] == [True] * 3
    faults.clear()
    assert faults.take("push", "t") is None


@pytest.mark.parametrize(
    ("fault", "fits"),
    [
        (Fault(), True),
        (Fault(on="query"), False),
        (Fault(on="any"), True),
        (Fault(match=FaultMatch(tenant="t")), True),
        (Fault(match=FaultMatch(tenant="u")), False),
        (Fault(match=FaultMatch(labels_contain='job="b"')), True),
        (Fault(match=FaultMatch(labels_contain='job="c"')), False),
        (Fault(match=FaultMatch(labels_contain='job="b"', tenant="u")), False),
    ],
)
def test_a_fault_fits_what_it_names(fault, fits):
    assert fault.fits("push", "t", [JOB, '{job="b"}']) == fits


def test_faults_are_added_listed_and_cleared_over_http(loki):
    added = {"status": 429, "count": 3, "body": "slow", "headers": {"Retry-After": "1"}, "match": {"tenant": "t"}}
    assert loki.request("POST", "/devloki/faults", json=added).json() == [added]
    assert loki.push((JOB, [(loki.now, "x")]), tenant="t") == (429, "slow")
    assert msgspec.json.decode(loki.get("/devloki/faults").content, type=list[Fault]) == [
        Fault(status=429, count=2, body="slow", headers={"Retry-After": "1"}, match=FaultMatch(tenant="t"))
    ]
    assert loki.request("DELETE", "/devloki/faults").json() == []
    assert loki.push((JOB, [(loki.now, "x")]), tenant="t") == (204, "")


def test_a_wrong_fault_is_refused_with_the_reason(loki):
    reply = loki.request("POST", "/devloki/faults", json={"staus": 500})
    assert (reply.status_code, reply.text) == (400, "not a fault: Object contains unknown field `staus`")


@pytest.mark.parametrize(("stored", "lines"), [(False, []), (True, ["x"])])
def test_a_status_strikes_before_or_after_the_push_is_stored(start, stored, lines):
    loki = start(faults=Faults([Fault(status=503, body="busy", headers={"Retry-After": "7"}, stored=stored)]))
    assert loki.push((JOB, [(loki.now, "x")])) == (503, "busy")
    assert loki.lines(JOB) == lines


@pytest.mark.parametrize(("reset", "lines"), [("before_store", []), ("after_store", ["x"])])
def test_a_connection_is_cut_before_or_after_the_push_is_stored(start, reset, lines):
    loki = start(faults=Faults([Fault(reset=reset)]))
    with pytest.raises(ConnectionResetError):
        loki.push((JOB, [(loki.now, "x")]))
    assert loki.lines(JOB) == lines


def test_a_dripping_reply_is_whole_in_the_end(start):
    loki = start(faults=Faults([Fault(status=500, body="slow reply", drip=1e-6), Fault(drip=1e-6, on="query")]))
    assert loki.push((JOB, [(loki.now, "x")])) == (500, "slow reply")
    assert loki.get("/loki/api/v1/labels").json() == {"status": "success", "data": []}


def test_a_late_reply_is_the_usual_one(start):
    loki = start(faults=Faults([Fault(delay=1e-6), Fault(delay=1e-6, stored=True)]))
    assert [loki.push((JOB, [(loki.now, "x")])), loki.push((JOB, [(loki.now, "y")]))] == [(204, "")] * 2
    assert loki.lines(JOB) == ["x", "y"]


def test_a_query_meets_the_faults_for_queries_only(start):
    loki = start(faults=Faults([Fault(status=500, on="query")]))
    assert loki.push((JOB, [(loki.now, "x")])) == (204, "")
    assert loki.get("/loki/api/v1/query_range", query=JOB).status_code == 500


def test_a_push_that_cannot_be_decoded_meets_faults_too(start):
    loki = start(faults=Faults([Fault(status=500)]))
    assert [loki.post(b"garbage").status_code, loki.post(b"garbage").status_code] == [500, 400]
