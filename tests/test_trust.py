"""Certificates that cannot be used are told as what they are: a mistake of the configuration."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from shipper.config.model import Tls
from shipper.errors import ConfigError
from shipper.trust import trust_of

GOOD = Path(__file__).parent / "doctor" / "localhost.pem"
"""A certificate with its key."""
STRANGE = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggmCiNWswPhToF1m3
hrHhg8NG4wZpwi1Lx3w0ITvJ4vOhRANCAAQxrpmkaH5mk9CcVsetniWuSFE0m0U/
cZoWGBKJdcblkmdKkwM2AM8YBaGd43P2Ds52YZNuEeXogCiBAQH3ht91
-----END PRIVATE KEY-----
"""
"""The key of nothing; good for nothing but these tests."""
LOCKED = """-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhK5b4R4a1sfAICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEMvgrfs9Zl/pzfUxXqEjx3EEgZCD
ylmyBjszQ2oJ1WSRSxLm4ud5q492bIBHm3HbNieovEZxLcEz1imEzt1iXa6IVUyr
tt3UZ0Hj1lj85AXsbg0PmJ3WS0cqj3aPUimuIAWyAQwAheS6YYaXw2FR/P1DKTMo
GW4EvUKDy6Z9/KUagThmLJxTS6YcjNo7t4DvEGI2tYj84tBEsFHJZAHLB5G6T/M=
-----END ENCRYPTED PRIVATE KEY-----
"""
"""Another one, with a passphrase."""


def test_files_that_can_be_used_make_a_context() -> None:
    trust = trust_of(Tls(ca_file=str(GOOD), cert_file=str(GOOD), key_file=str(GOOD)), "loki.tls")
    assert (trust.verify_mode, trust.check_hostname) == (ssl.CERT_REQUIRED, True)
    anyone = trust_of(Tls(insecure_skip_verify=True), "loki.tls")
    assert (anyone.verify_mode, anyone.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize("key", [None, "no PEM\n", STRANGE, LOCKED], ids=["missing", "no PEM", "strange", "locked"])
def test_a_key_that_cannot_be_used_is_named_with_its_cure(tmp_path: Path, key: str | None) -> None:
    path = tmp_path / "key.pem"
    if key is not None:
        path.write_text(key)
    with pytest.raises(ConfigError) as caught:
        trust_of(Tls(cert_file=str(GOOD), key_file=str(path)), "loki.tls")
    assert caught.value.message.startswith(f"loki.tls: cert_file {GOOD} and key_file {path} cannot be used: ")
    assert "_ssl.c" not in caught.value.message
    assert "without a passphrase" in caught.value.hint


def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"ca_file {tmp_path}/ca.pem cannot be used: No such file or directory"):
        trust_of(Tls(ca_file=f"{tmp_path}/ca.pem"), "loki.tls")
