"""Which server is believed to be the right one."""

from __future__ import annotations

import ssl

from shipper.config.model import Tls


def trust_of(tls: Tls) -> ssl.SSLContext:
    """What a connection demands of the other side, and shows of itself."""
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.cert_file:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
