"""The encoded paths of CSMS: every request about a secret goes to one that is made here.

There is none for one version of a secret, where the service answers with the value.
"""

import re
from functools import lru_cache
from urllib.parse import quote, urlencode

# Nothing in it needs to be encoded (RFC 3986 2.3): most names are such, and encoding them takes ten times as long.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]*")

_NO_NAMES = ("", ".", "..")


def secret_target(project_id: str, secret_name: str) -> str:
    """The encoded path of one secret.

    Raises:
        ValueError: the name would reach another resource than this secret; a version's, for one, is its value.
    """
    require_name(secret_name)
    return f"{secrets_target(project_id)}/{_encoded(secret_name)}"


def require_name(secret_name: str) -> None:
    """A secret can have this name.

    Raises:
        ValueError: it would reach another resource, as in `secret_target`.
    """
    if secret_name in _NO_NAMES or ("versions" in secret_name and "versions" in secret_name.split("/")):
        raise ValueError(f"{secret_name!r} is not the name of a secret")


@lru_cache(maxsize=4_096)
def secrets_target(project_id: str) -> str:
    """The encoded path of a project's secrets."""
    return f"/v1/{_encoded(project_id)}/secrets"


def _encoded(segment: str) -> str:
    return segment if _PLAIN.fullmatch(segment) else quote(segment, safe="")


def page_query(limit: int, marker: str | None) -> str:
    """Which page of a list; the marker is the service's own and opaque."""
    return urlencode(
        {"limit": str(limit)} | ({"marker": marker} if marker is not None else {}), quote_via=quote, safe=""
    )


def versions_target(project_id: str, secret_name: str) -> str:
    """The encoded path of the metadata of a secret's versions.

    Raises:
        ValueError: the name would reach another resource.
    """
    return f"{secret_target(project_id, secret_name)}/versions"
