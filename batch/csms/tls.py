"""The TLS every connection is made with: always verified, nothing older than 1.2, and no way to say otherwise."""

import ssl
from functools import cache
from pathlib import Path

from jobs.spec import SpecError


def client_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """A context that verifies certificate and host name, against the machine's own roots or those of a file alone.

    Raises:
        SpecError: the file holds no certificates in PEM.
    """
    if ca_file is None:
        return default_context()
    context = _context()
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise SpecError("ca-file", f"{ca_file}: holds no certificates in PEM") from error
    except OSError as error:
        raise SpecError("ca-file", f"{ca_file}: {error.strerror}") from error
    return context


@cache
def default_context() -> ssl.SSLContext:
    """That of the machine's own roots, of which there are many: they are read once in a process and its forks."""
    context = _context()
    context.load_default_certs()
    return context


def _context() -> ssl.SSLContext:
    # Not `ssl.create_default_context`: it would write the session keys to where SSLKEYLOGFILE says.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
