"""Loki's URL in its three forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config.model import Loki
from shipper.config.urls import check_listen, listen_address, push_url, query_url, shown_url

TABLE = [
    ("http://loki:3100", "http://loki:3100"),
    ("http://loki:3100/", "http://loki:3100"),
    ("https://gw.example/loki-eu", "https://gw.example/loki-eu"),
    ("https://gw.example/loki-eu/", "https://gw.example/loki-eu"),
    ("http://loki:3100/loki/api/v1/push", "http://loki:3100"),
    ("http://loki:3100/loki/api/v1/push/", "http://loki:3100"),
    ("http://loki:3100/loki/api/v1", "http://loki:3100"),
    ("https://gw.example/p/loki/api/v1/push", "https://gw.example/p"),
    ("http://user:pw@loki:3100/", "http://user:pw@loki:3100"),
    ("http://[::1]:3100", "http://[::1]:3100"),
]


@pytest.mark.parametrize(("url", "base"), TABLE)
def test_every_form_of_url_leads_to_the_same_endpoints(url, base):
    loki = Loki(url=url)
    assert (push_url(loki), query_url(loki, "query_range"), query_url(loki, "/ready")) == (
        f"{base}/loki/api/v1/push",
        f"{base}/loki/api/v1/query_range",
        f"{base}/ready",
    )


@pytest.mark.parametrize(("url", "base"), TABLE)
def test_queries_go_to_the_query_url_if_there_is_one(url, base):
    loki = Loki(url="http://write", query_url=url)
    assert (push_url(loki), query_url(loki, "labels")) == (
        "http://write/loki/api/v1/push",
        f"{base}/loki/api/v1/labels",
    )


@given(st.text("abc@:/?#", max_size=10), st.text("abc:@", min_size=1, max_size=6))
def test_for_every_url_what_is_shown_has_no_user(path, user):
    assert shown_url(f"http://SECRET{user}@host/{path}").startswith("http://***@")
    assert "SECRET" not in shown_url(f"http://h?SECRET{path}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("127.0.0.1:12345", ("127.0.0.1", 12345)),
        ("[::1]:80", ("::1", 80)),
        (":9", ("", 9)),
        ("logs.example:1", ("logs.example", 1)),
    ],
)
def test_an_address_to_listen_on_has_a_host_and_a_port(value: str, expected: tuple[str, int]) -> None:
    assert listen_address(check_listen(value)) == expected
