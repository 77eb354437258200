"""How endpoints are reached: with which TLS, and through which proxy."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from batch.csms.auth import CredentialError, valid_text
from batch.csms.tls import client_context
from batch.csms.wire import HttpWire, Proxy
from batch.redaction.masked import Masked
from jobs.spec import SpecError

_LOGIN_TIMEOUT_S = 15.0
# A token comes in a header, and tokens of 20 000 characters are in the vendor's own documents.
_LOGIN_HEADER_LIMIT = 131_072
_USER = "CSMS_REKEY_PROXY_USER"
_PASSWORD = "CSMS_REKEY_PROXY_PASSWORD"  # noqa: S105 - the name of a variable, not a password


@dataclass(frozen=True, slots=True)
class Network:
    """Opens wires. Plain http, to loopback or to a server's own metadata, never goes through the proxy."""

    tls: ssl.SSLContext
    proxy: Proxy | None = None

    def wire(self, endpoint: str, *, timeout_s: float) -> HttpWire:
        """A wire for the requests of a run."""
        return HttpWire(endpoint, timeout_s=timeout_s, tls=self.tls, proxy=self._proxy_to(endpoint))

    def login_wire(self, endpoint: str) -> HttpWire:
        """A wire for the requests of a login: answers may carry a token in a header."""
        return HttpWire(
            endpoint,
            timeout_s=_LOGIN_TIMEOUT_S,
            tls=self.tls,
            proxy=self._proxy_to(endpoint),
            header_limit=_LOGIN_HEADER_LIMIT,
        )

    def secrets(self) -> tuple[Masked, ...]:
        """The proxy's login as it travels, and its password, for redaction; its user may be a word like any other."""
        if self.proxy is None or self.proxy.login is None:
            return ()
        return (self.proxy.login, Masked(self.proxy.login.reveal().partition(":")[2]))

    def _proxy_to(self, endpoint: str) -> Proxy | None:
        return self.proxy if endpoint.startswith("https://") else None


def open_network(*, ca_file: Path | None, proxy: str | None, environment: Mapping[str, str]) -> Network:
    """The network as the options say. HTTPS_PROXY and .netrc are ignored: a proxy is named or not used.

    Raises:
        SpecError: an option cannot be used.
    """
    return Network(client_context(ca_file), None if proxy is None else parse_proxy(proxy, environment))


def parse_proxy(text: str, environment: Mapping[str, str]) -> Proxy:
    """Reads http(s)://HOST:PORT; user and password come from the environment, never from the command line.

    Raises:
        SpecError: it is not such a URL, or it carries a password.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise SpecError("proxy", "write http://HOST:PORT") from None
    if parts.username is not None or parts.password is not None:
        raise SpecError("proxy", f"a password is not given on the command line: set {_USER} and {_PASSWORD}")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port is None or parts.path.strip("/"):
        raise SpecError("proxy", "write http://HOST:PORT")
    return Proxy(url=f"{parts.scheme}://{parts.netloc}", login=_proxy_login(environment))


def _proxy_login(environment: Mapping[str, str]) -> Masked | None:
    user, password = (environment.get(name) or None for name in (_USER, _PASSWORD))
    if user is None and password is None:
        return None
    if user is None or password is None:
        raise SpecError("proxy", f"{_PASSWORD if user is None else _USER} is set, but the other of the two is not")
    try:
        return Masked(valid_text(_USER, user) + ":" + valid_text(_PASSWORD, password))
    except CredentialError as error:
        raise SpecError("proxy", str(error)) from None
