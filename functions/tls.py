"""Which servers a TLS connection accepts."""

import ssl

from functions.errors import Refusal


def trust(ca_pem: str | None, *, named_by: str) -> ssl.SSLContext:
    """Return a context that accepts only servers certified by `ca_pem`, under the name that was asked for.

    Args:
        ca_pem: Certificates of the accepted authorities, in PEM. None accepts the public ones of this system.
        named_by: Where the certificates come from, for the error's text.

    Raises:
        Refusal: `ca_pem` holds no certificate.
    """
    try:
        context = ssl.create_default_context(cadata=ca_pem)
    except (ssl.SSLError, ValueError):
        raise Refusal(f"{named_by} holds no PEM certificate. Store the server's CA bundle in it.") from None
    # Python 3.13 made this flag a default. It rejects authorities that lack optional extensions, so PyMySQL removes it
    # too (PyMySQL/PyMySQL#1198). The chain, the dates and the name are still verified.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
