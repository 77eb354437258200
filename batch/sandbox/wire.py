"""What comes to the sandbox and what goes back, as values without a socket."""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import unquote

import msgspec


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it stood on the wire.

    `target` is the raw path with its query. Headers are asked for by their usual spelling (`X-Auth-Token`): the
    mapping has to ignore case, or to be spelled so.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def is_json(self) -> bool:
        """Whether the body says of itself that it is JSON."""
        return self.headers.get("Content-Type", "").startswith("application/json")


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the service says to a request, and whether it changed a secret for it."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]
    request_id: str
    applied: bool = False


class Operation(StrEnum):
    """The operations the sandbox knows, by the vendor's names for them."""

    UPDATE_SECRET = "UpdateSecret"  # noqa: S105 # the name of an operation
    SHOW_SECRET = "ShowSecret"  # noqa: S105 # the same
    LIST_SECRETS = "ListSecrets"
    LIST_VERSIONS = "ListSecretVersions"
    CREATE_VERSION = "CreateSecretVersion"
    DESCRIBE_KEY = "ListKeyDetail"
    LIST_KEYS = "ListKeys"
    CREATE_TOKEN = "KeystoneCreateUserTokenByPassword"  # noqa: S105 # the same
    CREATE_TOKEN_BY_ID_TOKEN = "CreateUnscopedTokenByIdToken"  # noqa: S105 # the same
    CREATE_KEYS = "CreateTemporaryAccessKey"
    ASSUME_WITH_OIDC = "AssumeAgencyWithOIDC"
    VOUCH = "RequestIdentityToken"
    ASSUME_FOR_POD = "AssumeAgencyForPodIdentity"
    LIST_PROJECTS = "KeystoneListProjects"
    CREATE_METADATA_TOKEN = "CreateMetadataToken"  # noqa: S105 # the same
    SHOW_SECURITY_KEY = "ShowSecurityKey"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request goes: names are decoded, the query is not."""

    operation: Operation
    project_id: str = ""
    secret_name: str = ""
    query: str = ""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request at the door: the `n`-th since the start, `now_s` seconds after it; without a route it is not served."""

    n: int
    now_s: float
    request: Request
    route: Route | None

    @property
    def secret_name(self) -> str | None:
        """The secret in the path, where there is one."""
        return (self.route.secret_name or None) if self.route else None

    @property
    def is_update(self) -> bool:
        """Whether this asks for a secret to be changed."""
        return self.route is not None and self.route.operation is Operation.UPDATE_SECRET


def find_route(method: str, target: str) -> Route | None:
    """The operation a request line names, or None: an empty or surplus path segment makes a path that is not served."""
    path, _, query = target.partition("?")
    parts = path.split("/")
    if "%" in path:
        parts = [unquote(part) for part in parts]
    if not all(parts[1:]):
        return None
    match method, parts[1:]:
        case "PUT", ["v1", project, "secrets", name]:
            return Route(operation=Operation.UPDATE_SECRET, project_id=project, secret_name=name, query=query)
        case "GET", ["v1", project, "secrets", name]:
            return Route(operation=Operation.SHOW_SECRET, project_id=project, secret_name=name, query=query)
        case "GET", ["v1", project, "secrets"]:
            return Route(operation=Operation.LIST_SECRETS, project_id=project, query=query)
        case "GET", ["v1", project, "secrets", name, "versions"]:
            return Route(operation=Operation.LIST_VERSIONS, project_id=project, secret_name=name, query=query)
        case "POST", ["v1", project, "secrets", name, "versions"]:
            return Route(operation=Operation.CREATE_VERSION, project_id=project, secret_name=name, query=query)
        case _:
            return _find_neighbour(method, parts[1:], query)


def _find_neighbour(method: str, parts: list[str], query: str) -> Route | None:
    match method, parts:
        case "POST", ["v1.0", project, "kms", "describe-key"]:
            return Route(operation=Operation.DESCRIBE_KEY, project_id=project, query=query)
        case "POST", ["v1.0", project, "kms", "list-keys"]:
            return Route(operation=Operation.LIST_KEYS, project_id=project, query=query)
        case "POST", ["v3", "auth", "tokens"]:
            return Route(operation=Operation.CREATE_TOKEN, query=query)
        case "GET", ["v3", "projects"]:
            return Route(operation=Operation.LIST_PROJECTS, query=query)
        case "PUT", ["meta-data", "latest", "api", "token"]:
            return Route(operation=Operation.CREATE_METADATA_TOKEN)
        case "GET", ["openstack", "latest", "securitykey"]:
            return Route(operation=Operation.SHOW_SECURITY_KEY)
        case _:
            return _find_identity(method, parts)


def _find_identity(method: str, parts: list[str]) -> Route | None:
    match method, parts:
        case "POST", ["v1", "credentials"]:
            return Route(operation=Operation.ASSUME_FOR_POD)
        case "GET", ["ci", "token"]:
            return Route(operation=Operation.VOUCH)
        case "POST", ["v5", "agencies", "assume-with-oidc"]:
            return Route(operation=Operation.ASSUME_WITH_OIDC)
        case "POST", ["v3.0", "OS-AUTH", "id-token", "tokens"]:
            return Route(operation=Operation.CREATE_TOKEN_BY_ID_TOKEN)
        case "POST", ["v3.0", "OS-CREDENTIAL", "securitytokens"]:
            return Route(operation=Operation.CREATE_KEYS)
        case _:
            return None
