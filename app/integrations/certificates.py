"""Until when the certificate is good that a server shows."""

import socket
import ssl
from datetime import datetime

TIMEOUT_SECONDS = 3.0


def certificate_end(address: tuple[str, int], name: str) -> datetime:
    """Return when the certificate ends that `address` shows for `name`.

    Good or not, it is taken: who signed it is another's question. Raises OSError.
    """
    from cryptography import x509  # noqa: PLC0415 - asked for now and then

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(address, TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        shown = secured.getpeercert(binary_form=True)
    if shown is None:
        raise ssl.SSLError("no certificate was shown")
    try:
        return x509.load_der_x509_certificate(shown).not_valid_after_utc
    except ValueError as error:
        raise ssl.SSLError("what was shown is no certificate") from error
