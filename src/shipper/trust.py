"""Which server is believed to be the right one.

Rule 1: files that cannot be used are a ConfigError, and a key with a passphrase is one of them: nobody is asked for it.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator

from shipper.config.model import Tls
from shipper.errors import ConfigError


def trust_of(tls: Tls, key: str) -> ssl.SSLContext:
    """What a connection demands of the other side, and shows of itself; `key` names `tls` to who reads the error."""
    try:
        return _trust_of(tls)
    except OSError as error:
        files = " and ".join(_named(tls))
        raise ConfigError(
            f"{key}: {files} cannot be used: {_words(error)}",
            hint="name PEM files that this user may read: certificates, and the key of cert_file without a passphrase",
        ) from error


def _trust_of(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.cert_file:
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _named(tls: Tls) -> Iterator[str]:
    for name in ("ca_file", "cert_file", "key_file"):
        if (path := getattr(tls, name)) is not None:
            yield f"{name} {path}"


def _words(error: OSError) -> str:
    """Why; OpenSSL's own words have no number of an error, but a place in its source."""
    if isinstance(error, ssl.SSLError) or not error.errno:
        return str(error).partition(" (_ssl.c")[0]
    return os.strerror(error.errno)
