"""Who may ask for what, as a table."""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256
from pathlib import Path

import pytest

from shipper.config.masking import read_secret
from shipper.web import access
from shipper.web.access import Access, Asked, is_loopback

LOCAL = "127.0.0.1:12345"
PAGE, API, METRICS, READY, RELOAD = "/", "/api/v1/status", "/metrics", "/-/ready", "/-/reload"
NEAR, FAR = "127.0.0.1", "192.0.2.7"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def rules(*, secret: bool = False, listen: str = "127.0.0.1", hosts: tuple[str, ...] = ()) -> Access:
    return Access(
        listen, hosts=hosts, username="ops" if secret else "", password=(lambda: "s3crét") if secret else None
    )


def status(
    rules: Access, path: str = PAGE, *, method: str = "GET", peer: str = NEAR, local: str = NEAR, **headers: str
) -> int:
    """What a request gets: 200 if it is let in."""
    named = {"host": LOCAL} | {name.replace("_", "-"): value for name, value in headers.items()}
    refusal = rules.refuse(Asked(method=method, path=path, headers=named, peer=peer, local=local))
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize("path", [PAGE, API, METRICS, READY])
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
def test_on_loopback_everything_answers(path: str, peer: str) -> None:
    assert status(rules(), path, peer=peer) == 200
    assert status(rules(secret=True), path, peer=peer) == 200


@pytest.mark.parametrize(
    ("path", "method", "secret", "authorization", "expected"),
    [
        (METRICS, "GET", False, "", 200),
        (READY, "GET", False, "", 200),
        (READY, "HEAD", False, "", 200),
        ("/-/healthy", "GET", False, "", 200),
        ("/-/healthy", "POST", False, "", 403),
        (PAGE, "GET", False, "", 403),
        (API, "GET", False, "", 403),
        (RELOAD, "POST", False, "", 403),
        ("/metrics/", "GET", False, "", 403),
        ("//metrics", "GET", False, "", 403),
        (API, "GET", False, basic("", ""), 403),
        (METRICS, "GET", True, "", 200),
        (PAGE, "GET", True, "", 401),
        (API, "GET", True, basic("ops", "s3crét"), 200),
        (RELOAD, "POST", True, basic("ops", "s3crét"), 200),
        (API, "GET", True, basic("ops", "s3cret"), 401),
        (API, "GET", True, basic("ops", ""), 401),
        (API, "GET", True, basic("root", "s3crét"), 401),
        (API, "GET", True, basic("ops", "s3crét").replace("Basic", "Bearer"), 401),
        (API, "GET", True, basic("ops", "s3crét").replace("Basic", "bAsIc"), 200),
        (API, "GET", True, "Basic", 401),
        (API, "GET", True, "Basic !!!", 401),
        (API, "GET", True, "Basic " + base64.b64encode(b"ops").decode(), 401),
    ],
)
def test_off_loopback_only_metrics_and_health_answer_without_a_password(
    path: str, method: str, secret: bool, authorization: str, expected: int
) -> None:
    headers = {"authorization": authorization} if authorization else {}
    allowed = rules(secret=secret, listen="192.0.2.1")
    assert status(allowed, path, method=method, peer=FAR, local="192.0.2.1", host="192.0.2.1:1", **headers) == expected


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for", "x_real_ip", "via"])
def test_what_a_proxy_on_this_machine_passes_on_is_off_loopback(header: str) -> None:
    assert status(rules(), API, **{header: "198.51.100.1"}) == 403
    assert status(rules(), METRICS, **{header: "198.51.100.1"}) == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:12345", 200),
        ("127.0.0.1", 200),
        ("localhost:12345", 200),
        ("LocalHost", 200),
        ("localhost.:1", 200),
        ("[::1]:12345", 200),
        ("[::ffff:127.0.0.1]", 200),
        ("shipper.example:80", 200),
        ("10.0.0.5:12345", 200),
        ("10.0.0.6:12345", 200),
        ("10.0.0.7:12345", 403),
        ("rebound.attacker.example:12345", 403),
        ("127.0.0.1.attacker.example", 403),
        ("localhost.attacker.example", 403),
        ("shipper.example.attacker.example", 403),
        ("0.0.0.0:12345", 403),
        ("2130706433", 403),
        ("0x7f000001", 403),
        ("", 400),
        ("user@127.0.0.1", 400),
        ("127.0.0.1:12345:1", 400),
        ("127.0.0.1/x", 400),
        ("local host", 400),
        ("127.0.0.1:123456", 400),
    ],
)
@pytest.mark.parametrize("path", [PAGE, API, METRICS])
def test_a_host_that_is_not_ours_is_refused_wherever_its_name_leads(host: str, expected: int, path: str) -> None:
    allowed = rules(listen="10.0.0.5", hosts=("Shipper.Example",))
    assert status(allowed, path, host=host, local="10.0.0.6") == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:12345"}, 200),
        ({"origin": "https://127.0.0.1:12345"}, 200),
        ({"origin": "http://127.0.0.1:12345", "sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "none"}, 200),
        ({"origin": "http://localhost:12345"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"origin": "http://127.0.0.1"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "http://[evil"}, 403),
        ({"origin": "file://127.0.0.1:12345"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"origin": "http://127.0.0.1:12345", "sec_fetch_site": "cross-site"}, 403),
    ],
)
@pytest.mark.parametrize("path", [RELOAD, "/api/v1/playground"])
def test_what_changes_something_needs_the_same_origin_or_none(
    headers: dict[str, str], expected: int, path: str
) -> None:
    assert status(rules(), path, method="POST", **headers) == expected


def test_another_sites_page_may_link_to_the_page_and_ask_nothing_of_the_api() -> None:
    assert status(rules(), PAGE, sec_fetch_site="cross-site") == 200
    assert status(rules(), API, sec_fetch_site="cross-site") == 403


def test_user_and_password_are_both_compared_in_constant_time_whatever_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[bytes] = []
    honest = hmac.compare_digest

    def compare(given: bytes, right: bytes) -> bool:
        assert len(given) == len(right)
        compared.append(right)
        return honest(given, right)

    monkeypatch.setattr(access.hmac, "compare_digest", compare)
    for authorization in (basic("root", "wrong"), basic("ops", "wrong"), "", "Basic ="):
        compared.clear()
        assert status(rules(secret=True), API, peer=FAR, authorization=authorization) == 401
        assert compared == [sha256(word.encode()).digest() for word in ("ops", "s3crét")]


def test_a_password_that_cannot_be_read_lets_nobody_in_and_says_what_to_do(tmp_path: Path) -> None:
    gone = Access("0.0.0.0", username="ops", password=lambda: read_secret(str(tmp_path / "gone")))
    refusal = gone.refuse(Asked(method="GET", path=API, headers={"host": LOCAL}, peer=FAR, local=FAR))
    assert refusal is not None
    assert (refusal.status, refusal.error) == (503, "the password of the page cannot be read")
    assert "Create the file" in refusal.hint


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("::1", True), ("::1%lo", True), ("192.0.2.1", False), ("", False), ("localhost", False)],
)
def test_loopback_is_told_by_address(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected
