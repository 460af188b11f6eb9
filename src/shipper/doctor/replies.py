"""What a reply that is none of Loki's says about the set-up: a web page, a login, another port's protocol.

Rule 1: what happened is named as the agent would name it (delivery/replies.py, failures.py); here is added what is
        known of this configuration, so that the cure is a line to change.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin, urlsplit

from shipper.config.model import Loki
from shipper.config.urls import shown_url
from shipper.delivery.client import NoReply, Reply
from shipper.delivery.replies import Verdict, classify
from shipper.doctor.hop import Finding
from shipper.failures import HINTS

_TITLE: Final = re.compile(r"<title[^>]*>([^<]{1,80})", re.IGNORECASE)
_LOGIN: Final = re.compile(r"/(login|signin|sign_in|oauth|sso|auth)\b", re.IGNORECASE)
_WANTS_TLS: Final = re.compile(r"http request (to an|was sent to) https", re.IGNORECASE)
SHOWN: Final = 200


def is_page(reply: Reply) -> bool:
    """Whether it is a page for a browser."""
    html = "text/html" in reply.headers.get("content-type", "").lower()
    return html or reply.body[:200].lstrip().lower().startswith((b"<!doctype", b"<html"))


def words_of(reply: Reply) -> str:
    """The beginning of what it says; of a web page the title."""
    text = reply.body.decode("utf-8", "replace").strip()
    if not is_page(reply):
        return text[:SHOWN]
    title = _TITLE.search(text)
    return f"a web page titled {title[1].strip()!r}" if title else "a web page"


def no_reply(silence: NoReply) -> Finding:
    """Why nothing was answered."""
    if silence.failure == "loki_unauthorized":
        return Finding(what=silence.detail, cure="create the file with the secret as its only line", broken=True)
    what = f"{silence.failure}: {silence.detail}"
    if silence.failure == "loki_unreachable":
        what = f"the connection ends without an answer: {silence.detail}"
    return Finding(what=what, cure=HINTS[silence.failure], broken=True)


def refusal(reply: Reply, loki: Loki, url: str, key: str) -> Finding:
    """What is wrong where a reply is no success; also a success that is a web page."""
    verdict = classify(reply.status, reply.headers, reply.body)
    if reply.status < 300 and verdict.failure in ("", "loki_not_loki"):
        return _not_loki(reply, url, key)
    if 300 <= reply.status < 400:
        return _redirect(reply, url, key)
    if _WANTS_TLS.search(verdict.words):
        return wants_tls(url, key)
    what = f"{verdict.failure or 'refused'}: {reply.status}{f', {words}' if (words := words_of(reply)) else ''}"
    return Finding(what=what, cure=_cure(verdict, reply, loki, url, key), broken=True)


def wants_tls(url: str, key: str) -> Finding:
    """Plain HTTP where TLS is spoken."""
    secure = shown_url(url).replace("http://", "https://", 1)
    return Finding(
        what="this port speaks TLS, and the URL says http://", cure=f'{_name(key)} = "{secure}" in [loki]', broken=True
    )


def _not_loki(reply: Reply, url: str, key: str) -> Finding:
    what = f"something that is not Loki answers with success: {words_of(reply) or 'nothing'}"
    cure = f"{key} is {shown_url(url)}: give Loki's own address (port 3100), or mend the proxy between"
    return Finding(what=what, cure=cure, broken=True)


def _redirect(reply: Reply, url: str, key: str) -> Finding:
    location = urljoin(url, reply.headers.get("location", ""))
    if _LOGIN.search(urlsplit(location).path):
        what = f"it redirects to a login page ({shown_url(location)}): that is Grafana or a single sign-on, not Loki"
        cure = f"give Loki's own address in {key} (port 3100, not Grafana's 3000), or one behind the proxy"
        return Finding(what=what, cure=cure, broken=True)
    parts = urlsplit(location)
    moved = f"{parts.scheme}://{parts.netloc}" if parts.netloc else shown_url(location)
    what = f"it redirects ({reply.status}) to {shown_url(location)}; a push does not follow"
    return Finding(what=what, cure=f'{_name(key)} = "{moved}" in [loki]', broken=True)


def _cure(verdict: Verdict, reply: Reply, loki: Loki, url: str, key: str) -> str:
    if "no org id" in verdict.words.lower():
        return 'tenant = "NAME" in [loki], the one that Grafana\'s data source sends as X-Scope-OrgID'
    if reply.status in (401, 407):
        return _login(loki)
    if reply.status == 403 and loki.tenant:
        return f"these credentials may not use tenant {loki.tenant!r}: correct tenant in [loki], or what they may do"
    if reply.status == 404 and (prefix := urlsplit(url).path.strip("/")):
        return f"nothing of Loki is below /{prefix}: correct the path in {key}; {HINTS['loki_not_found']}"
    return HINTS.get(verdict.failure, "see Loki's log")


def _login(loki: Loki) -> str:
    if loki.basic_auth is not None:
        basic = loki.basic_auth
        return (
            f"user {basic.username!r} or the password in {basic.password_file} is wrong; correct basic_auth in [loki]"
        )
    if loki.bearer_token_file is not None:
        return f"the token in {loki.bearer_token_file} is not accepted; get a new one, or correct bearer_token_file"
    return 'it wants credentials: basic_auth = { username = "…", password_file = "…" } or bearer_token_file in [loki]'


def _name(key: str) -> str:
    return key.rpartition(".")[2]
