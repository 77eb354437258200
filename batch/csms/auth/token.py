"""A ready-made IAM token, from the environment or a file."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from batch.csms.auth.clouds import iam_named
from batch.csms.auth.credential import Connect, CredentialError, Description
from batch.csms.auth.held import HeldCredential
from batch.csms.auth.iam import (
    PROJECT_NAME_VARIABLE,
    PROJECT_VARIABLE,
    Token,
    iam_endpoint,
    look_up_project,
)
from batch.csms.auth.pasted import odd_token
from batch.csms.auth.private_file import read_private
from batch.csms.auth.renewal import Renewal
from batch.csms.auth.variables import Variables
from batch.csms.messages import WireRequest
from batch.redaction.masked import Masked
from jobs.spec import Auth

TOKEN_VARIABLE = "CSMS_REKEY_TOKEN"  # noqa: S105 - the name of a variable, not a token


class TokenBearer(HeldCredential[Token]):
    """Sends a token with every request (header X-Auth-Token)."""

    _last: tuple[Mapping[str, str], Token, Mapping[str, str]] | None = None
    """Headers, a token and both together: they are the same for many requests, and a wire makes the same bytes of
    them."""

    async def authorize(self, request: WireRequest) -> WireRequest:
        """The request with the token."""
        token = self._renewal.at_hand or await self._renewal.get()
        if self._last is None or self._last[0] is not request.headers or self._last[1] is not token:
            self._last = request.headers, token, {**request.headers, "X-Auth-Token": token.value.reveal()}
        headers = self._last[2]
        return WireRequest(
            method=request.method,
            target=request.target,
            headers=headers,
            body=request.body,
            answer_limit=request.answer_limit,
        )


class TokenCredential(TokenBearer):
    """One given token for every place: it is its own login. `reread` gets what the token's file holds by now."""

    def __init__(
        self,
        token: Masked,
        *,
        source: str = "a token",
        reread: Callable[[], Masked] | None = None,
        connect: Connect | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._reread = reread or (lambda: token)
        self._source = source
        self._connect = connect
        self._environment = environment or {}
        super().__init__(Renewal(self._fetch, harmless=True, held=Token(value=token), source=source))

    def for_scope(self, endpoint: str, project_id: str) -> "TokenCredential":  # noqa: ARG002 - as `Login`
        """The same token everywhere."""
        return self

    async def project_id(self, region: str) -> str:
        """The project that is given by id or by name, else the one that IAM knows by the region's name: a token does
        not tell its own.

        Raises:
            CredentialError: IAM does not know one, or cannot be asked.
        """
        if (given := self.describe().project_id) is not None:
            return given
        endpoint = iam_endpoint(region, self._environment)
        name = self._environment.get(PROJECT_NAME_VARIABLE) or region
        return await look_up_project(self, name, endpoint=endpoint, connect=self._connect)

    async def for_iam(self, region: str) -> tuple[str, "TokenCredential"]:
        """The same token there.

        Raises:
            CredentialError: the region is unknown.
        """
        return iam_endpoint(region, self._environment), self

    def describe(self) -> Description:
        """Where the token is from; when it ends is not known."""
        return Description(
            kind=Auth.TOKEN,
            provider="IAM token",
            source=self._source,
            project_id=self._environment.get(PROJECT_VARIABLE),
            project_name=self._environment.get(PROJECT_NAME_VARIABLE),
            ends=True,
            iam_named=iam_named(self._environment),
        )

    async def _fetch(self) -> Token:
        # A file may hold another one by now.
        return Token(value=self._reread())


def find_token(
    environment: Variables, token_file: Path | None, connect: Connect | None = None
) -> TokenCredential | None:
    """The token given by file or, failing that, by environment; None where neither is given.

    Raises:
        CredentialError: the file cannot be read, others may read it, or it does not hold a token.
    """
    if token_file is not None:
        read = read_private(token_file)
        token = _checked(read.text, str(token_file))
        reread = partial(_from_file, token_file) if read.again else None
        return TokenCredential(token, source=str(token_file), reread=reread, connect=connect, environment=environment)
    given = environment.get(TOKEN_VARIABLE)
    if given is None:
        return None
    source = environment.name_of(TOKEN_VARIABLE)
    return TokenCredential(_checked(given, source), source=source, connect=connect, environment=environment)


def _from_file(path: Path) -> Masked:
    return _checked(read_private(path).text, str(path))


def _checked(text: str, source: str) -> Masked:
    token = text.strip()
    if (odd := odd_token(token)) is not None:
        raise CredentialError(f"{source}: holds no token: what is there {odd}")
    return Masked(token)
