"""The TLS every connection is made with: always verified, nothing older than 1.2, and no way to say otherwise."""

import ssl
from pathlib import Path

from jobs.spec import SpecError


def client_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """A context that verifies certificate and host name, against the machine's own roots or those of a file alone.

    It is not made by `ssl.create_default_context`, which would write the session keys to where SSLKEYLOGFILE says.

    Raises:
        SpecError: the file holds no certificates in PEM.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise SpecError("ca-file", f"{ca_file}: holds no certificates in PEM") from error
    except OSError as error:
        raise SpecError("ca-file", f"{ca_file}: {error.strerror}") from error
    return context
