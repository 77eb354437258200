"""An IAM user's name and password: a token for each project, fetched when needed and renewed before it ends."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus

from batch.csms.auth.credential import (
    Connect,
    CredentialError,
    Description,
    LoginRefusedError,
    NotAuthorizedError,
    valid_text,
)
from batch.csms.auth.iam import PROJECT_NAME_VARIABLE, PROJECT_VARIABLE, Account, Token, create_token
from batch.csms.auth.renewal import Renewal
from batch.csms.auth.token import TokenBearer
from batch.csms.auth.variables import Variables
from batch.csms.faults import Fault, FaultKind
from batch.redaction.masked import Masked
from jobs.endpoint import parse_endpoint
from jobs.spec import Auth

_USER, _DOMAIN, _URL = "OS_USERNAME", "OS_USER_DOMAIN_NAME", "OS_AUTH_URL"
_PASSWORD = "OS_PASSWORD"  # noqa: S105 - the name of a variable, not a password
_DOMAIN_ID = "OS_USER_DOMAIN_ID"
# A token is good for 24 h.
_MARGIN_S = 30 * 60.0
_LOCKING = HTTPStatus.UNAUTHORIZED
"""IAM's answer to a wrong password or a locked account: another try counts. A 403 is about one project alone."""


class PasswordLogin:
    """Gets tokens by password; logins go out one at a time, and none after one was refused."""

    def __init__(
        self,
        account: Account,
        endpoint: str,
        *,
        connect: Connect,
        project_id: str | None = None,
        project_name: str | None = None,
        utc: Callable[[], float],
    ) -> None:
        self._account = account
        self._endpoint = endpoint
        self._source = f"user {account.user} of {account.domain} at {endpoint}"
        self._connect = connect
        self._project_id = project_id
        self._project_name = project_name
        self._utc = utc
        self._of_project: dict[str, Renewal[Token]] = {}
        self._refused: Fault | None = None
        self._turn: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    def for_scope(self, endpoint: str, project_id: str) -> TokenBearer:  # noqa: ARG002 - as `Login`
        """Sends the token of the project, the same at every endpoint."""
        return TokenBearer(self._renewal(project_id))

    async def project_id(self, region: str) -> str:
        """The project that was given by id, else the one of the name that was given or of the region's: a token for a
        project given by name shows its id.

        Raises:
            CredentialError: IAM gives no token for it.
        """
        if self._project_id is not None:
            return self._project_id
        name = self._project_name or region
        by_name = Renewal(partial(self._fetch, {"name": name}), utc=self._utc, source=self._source)
        try:
            token = await by_name.get()
        except NotAuthorizedError as error:
            refused = error.fault.kind is FaultKind.CREDENTIAL and error.fault.http_status == _LOCKING
            kind = LoginRefusedError if refused else CredentialError
            raise kind(f"no token for the project {name}: {error}") from error
        if token.project_id is None:
            raise CredentialError(f"IAM gave a token for no project named {name}: give --project-id")
        self._renewal(token.project_id, held=token)
        return token.project_id

    async def for_iam(self, region: str) -> tuple[str, TokenBearer]:
        """The token of the login's own project, or of the region's, where the password is sent too.

        Raises:
            CredentialError: IAM gives no token for it.
        """
        return self._endpoint, self.for_scope(self._endpoint, await self.project_id(region))

    def secrets(self) -> tuple[Masked, ...]:
        """The password, and every token in use."""
        tokens = (token for renewal in self._of_project.values() for token in renewal.secrets)
        return (self._account.password, *tokens)

    def describe(self) -> Description:
        """Who logs in and where; the end is that of the token that ends first."""
        ends = [one.held.expires_s for one in self._of_project.values() if one.held and one.held.expires_s]
        return Description(
            kind=Auth.IAM,
            provider="IAM password",
            source=self._source,
            project_id=self._project_id,
            project_name=self._project_name,
            expires_s=min(ends, default=None),
            ends=True,
            renewable=True,
            fetched=True,
            iam_named=True,
            name=f"user {self._account.user} of {self._account.domain}",
        )

    def _renewal(self, project_id: str, held: Token | None = None) -> Renewal[Token]:
        if project_id not in self._of_project:
            fetch = partial(self._fetch, {"id": project_id})
            self._of_project[project_id] = Renewal(
                fetch, margin_s=_MARGIN_S, held=held, utc=self._utc, source=self._source
            )
        return self._of_project[project_id]

    async def _fetch(self, project: Mapping[str, str]) -> Token | Fault:
        async with self._one_at_a_time():
            if self._refused is not None:
                return self._refused
            async with self._connect(self._endpoint) as wire:
                got = await create_token(wire, self._account, project)
            if isinstance(got, Fault) and got.kind is FaultKind.CREDENTIAL and got.http_status == _LOCKING:
                self._refused = got
            return got

    def _one_at_a_time(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._turn is None or self._turn[0] is not loop:
            self._turn = (loop, asyncio.Lock())
        return self._turn[1]


def find_password(environment: Variables, connect: Connect, utc: Callable[[], float]) -> PasswordLogin | None:
    """The user that the variables name; None where they name none.

    Raises:
        CredentialError: something is missing, or the address of IAM is not an endpoint.
    """
    if not environment.get(_USER) and not environment.get(_PASSWORD):
        return None
    domain = _DOMAIN if environment.get(_DOMAIN) or not environment.get(_DOMAIN_ID) else _DOMAIN_ID
    missing = [name for name in (_USER, _PASSWORD, domain, _URL) if not environment.get(name)]
    if missing:
        raise CredentialError(f"for a login by password, set {', '.join(missing)} too")
    try:
        endpoint = parse_endpoint(environment[_URL])
    except ValueError as error:
        raise CredentialError(f"{environment.name_of(_URL)}: {error}") from error
    account, user, password = (
        valid_text(environment.name_of(name), environment[name]) for name in (domain, _USER, _PASSWORD)
    )
    return PasswordLogin(
        Account(
            domain=account, user=user, password=Masked(password), domain_by="id" if domain == _DOMAIN_ID else "name"
        ),
        endpoint,
        connect=connect,
        project_id=environment.get(PROJECT_VARIABLE),
        project_name=environment.get(PROJECT_NAME_VARIABLE),
        utc=utc,
    )
