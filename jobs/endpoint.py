"""Which hosts a job may talk to: https anywhere, plain http only to this machine."""

import contextlib
import ipaddress
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def parse_endpoint(text: str) -> str:
    """Returns scheme, host and port of an endpoint, lower-case, without a trailing slash.

    Raises:
        ValueError: not an http(s) URL, carries more than a host and a port, or is plain http to another machine.
    """
    parts = urlsplit(text.strip())
    if "@" in text:
        # Not shown: it may hold a password.
        raise ValueError("an endpoint carries no user: write https://HOST[:PORT]")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError(f"{text!r} is not an endpoint: write https://HOST[:PORT]")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"an endpoint is scheme, host and port only: https://{parts.hostname}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"plain http would show the credential to the network: use https://{parts.hostname}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"the port of https://{parts.hostname} is not a number from 0 to 65535") from None
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


def place_of(endpoint: str) -> str:
    """The same text for every way to write an endpoint: host and port of the service, whatever the scheme."""
    parts = urlsplit(endpoint.lower())
    host = (parts.hostname or "").removesuffix(".")
    if is_loopback(host):
        host = "loopback"
    elif not host.isascii():
        with contextlib.suppress(UnicodeError):
            host = host.encode("idna").decode()
    return f"{host}:{parts.port or _PORTS.get(parts.scheme, 0)}"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine by definition, without asking any resolver."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
