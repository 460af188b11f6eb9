"""Limits: the bucket, the defaults, and limits off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.devloki.limits import KIB, MIB, SECOND, TenantLimits, TokenBucket, default_limits, recorded_tenants
from shipper.devloki.release import RELEASES

HOUR = 3600 * SECOND


def test_a_bucket_starts_full_and_fills_at_its_rate():
    bucket = TokenBucket(100, 200)
    assert [bucket.allow(0, 200), bucket.allow(0, 1), bucket.allow(SECOND, 101), bucket.allow(SECOND, 100)] == [
        True,
        False,
        False,
        True,
    ]


def test_a_bucket_holds_its_burst_at_most():
    bucket = TokenBucket(100, 200)
    bucket.allow(0, 200)
    assert [bucket.allow(3600 * SECOND, 201), bucket.allow(3600 * SECOND, 200)] == [False, True]


@given(st.lists(st.tuples(st.integers(0, 10 * SECOND), st.integers(0, 300)), max_size=30))
def test_for_every_run_a_bucket_lets_no_more_pass_than_burst_and_rate(requests):
    bucket, now, passed = TokenBucket(100, 200), 0, 0
    for elapsed, size in requests:
        now += elapsed
        passed += size if bucket.allow(now, size) else 0
        assert passed <= 200 + 100 * now / SECOND + 1e-6


def test_the_defaults_are_lokis():
    assert default_limits(RELEASES["3.4"]) == TenantLimits(
        max_line_size=256 * KIB,
        max_label_names=15,
        max_label_name_length=1024,
        max_label_value_length=2048,
        max_age=168 * HOUR,
        creation_grace=HOUR // 6,
        max_behind=HOUR,
        rate=4 * MIB,
        burst=6 * MIB,
        stream_rate=3 * MIB,
        stream_burst=15 * MIB,
        max_streams=5000,
        max_metadata_bytes=64 * KIB,
        max_metadata_pairs=128,
        max_message_bytes=4 * MIB,
    )
    older = default_limits(RELEASES["2.9"])
    assert (older.max_line_size, older.max_label_names) == (0, 30)


def test_the_tenants_of_the_recordings_differ_from_the_default_by_their_limit_only():
    assert sorted(recorded_tenants(RELEASES["3.4"])) == [
        *("bumpdup", "ordered", "shortline", "tinyrate", "tinystreamrate", "tinystreams", "truncline")
    ]


@pytest.mark.parametrize("version", ["2.9", "3.4"])
def test_without_limits_ages_sizes_and_rates_are_free_but_malformed_input_is_not(start, version):
    loki = start(version=version, limits=False)
    labels = "{" + ", ".join(f'l{index}="{"v" * 3000}"' for index in range(40)) + "}"
    entries = [(0, "x" * 6_000_000), (loki.now * 2, "future"), (1, "behind")]
    assert loki.push((labels, entries)) == (204, "")
    assert loki.lines('{l0=~".+"}', end=loki.now * 3) == ["x" * 6_000_000, "behind", "future"]
    assert loki.push(("{a=}", [(0, "x")]))[0] == 400
    assert loki.push(('{a="1",a="2"}', [(0, "x")]))[0] == 400


def test_a_truncated_line_has_the_limits_length(start):
    loki = start(tenants={"t": TenantLimits(max_line_size=10, truncate_lines=True)})
    assert loki.push(('{a="b"}', [(loki.now, "0123456789abc")]), tenant="t") == (204, "")
    reply = loki.request(
        "GET",
        "/loki/api/v1/query_range",
        params={"query": '{a="b"}', "end": loki.now + 1},
        headers={"x-scope-orgid": "t"},
    )
    assert reply.json()["data"]["result"][0]["values"] == [[str(loki.now), "0123456789"]]


def test_a_different_line_at_the_same_time_is_bumped_where_the_tenant_wants_it(start):
    loki = start(tenants={"fake": TenantLimits(bump_duplicates=True)})
    loki.push(('{a="b"}', [(loki.now, "a"), (loki.now, "b"), (loki.now, "b"), (loki.now + 9, "c")]))
    assert loki.entries('{a="b"}') == [(loki.now, "a"), (loki.now, "b"), (loki.now + 1, "b"), (loki.now + 9, "c")]
