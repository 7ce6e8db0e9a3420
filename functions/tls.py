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
    no_certificate = Refusal(f"{named_by} holds no PEM certificate. Store the server's CA bundle in it.")
    # The ssl module takes an empty text for None, and would accept the public authorities.
    if ca_pem == "":
        raise no_certificate
    try:
        context = ssl.create_default_context(cadata=ca_pem)
    except (ssl.SSLError, ValueError, TypeError):  # a TypeError when the text is not ASCII
        raise no_certificate from None
    # Python 3.13 made this flag a default. It rejects authorities that lack optional extensions, so PyMySQL removes it
    # too (PyMySQL/PyMySQL#1198). The chain, the dates and the name are still verified.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
