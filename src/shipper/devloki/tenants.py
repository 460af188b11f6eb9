"""Whose push it is: the rules for the `X-Scope-OrgID` header.

Rule 1: without authentication every request without the header belongs to the tenant `fake`, as in Loki.
Rule 2: with it, a request without the header is refused before anything else is looked at.
"""

from __future__ import annotations

import string
from typing import Final

from shipper.devloki.release import Release
from shipper.devloki.replies import NO_ORG_ID, PushRefused

SINGLE_TENANT: Final = "fake"
_ALLOWED: Final = frozenset(string.ascii_letters + string.digits + "!-_.*'()")
_MAX_LENGTH: Final = 150


def tenant_of(header: str | None, *, auth: bool, release: Release) -> str:
    """The tenant a header names; raises PushRefused with the release's words."""
    if not header:
        if auth:
            raise PushRefused(401, NO_ORG_ID)
        return SINGLE_TENANT
    _check(header, release)
    return header


def _check(tenant: str, release: Release) -> None:
    if release.version == "2.9":
        if tenant in (".", "..") or "/" in tenant or "\\" in tenant:
            raise PushRefused(400, "invalid tenant ID")
        return
    if "|" in tenant:
        raise PushRefused(400, "multiple org IDs present")
    if len(tenant) > _MAX_LENGTH:
        raise PushRefused(400, f"tenant ID is too long: max {_MAX_LENGTH} characters")
    odd = next((character for character in tenant if character not in _ALLOWED), None)
    if odd is not None:
        raise PushRefused(400, f"tenant ID '{tenant}' contains unsupported character '{odd}'")
    if tenant in (".", ".."):
        raise PushRefused(400, "tenant ID is '.' or '..'")
