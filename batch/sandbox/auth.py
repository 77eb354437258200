"""Who may come in: the credentials the sandbox gives out, and the one check every request passes."""

import random
import re
from collections.abc import Iterable
from typing import Protocol

import msgspec

from batch.sandbox.refusals import refused
from batch.sandbox.wire import Request

_SIGNED = re.compile(r"SDK-HMAC-SHA256 Access=([^,\s]+), ?SignedHeaders=[^,\s]+, ?Signature=[0-9a-f]{64}")
_DAY_S = 86_400.0


class Caller(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whoever made a request, and the projects they may work in."""

    project_ids: frozenset[str]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An IAM token; times are seconds since the sandbox began."""

    value: str
    caller: Caller
    issued_s: float
    expires_s: float


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """A permanent access key with its secret key."""

    ak: str
    sk: str
    caller: Caller


class IamUser(msgspec.Struct, frozen=True, kw_only=True):
    """The IAM user that can get tokens by password."""

    domain: str
    name: str
    password: str


class Directory:
    """The credentials of one account: a user, an access key, and the tokens given out, for all its projects.

    `token_life_s` is how long a token is good for, a day as with the service.
    """

    def __init__(
        self, *, domain: str, project_ids: Iterable[str], rng: random.Random, token_life_s: float = _DAY_S
    ) -> None:
        self._rng = rng
        self._token_life_s = token_life_s
        self._tokens: dict[str, Token] = {}
        self.everywhere = Caller(project_ids=frozenset(project_ids))
        self.user = IamUser(domain=domain, name="rekey", password=_text(rng, 96))
        self.access_key = AccessKey(ak=f"HPUA{_text(rng, 64).upper()}", sk=_text(rng, 160), caller=self.everywhere)

    def issue(self, caller: Caller, now_s: float) -> Token:
        """A new token for the caller, good from now on."""
        token = Token(
            value=f"MIIsandbox{_text(self._rng, 384)}",
            caller=caller,
            issued_s=now_s,
            expires_s=now_s + self._token_life_s,
        )
        self._tokens[token.value] = token
        return token

    def find_token(self, value: str) -> Token | None:
        """The token of that value, expired or not, or None when it was never given out."""
        return self._tokens.get(value)

    def expire_tokens(self, now_s: float) -> None:
        """All tokens given out so far have ended; new ones can be had."""
        for value, token in self._tokens.items():
            if token.expires_s > now_s:
                self._tokens[value] = msgspec.structs.replace(token, expires_s=now_s)


class Authenticator(Protocol):
    """The check every request to CSMS, KMS and the list of projects passes before anything else is done for it."""

    def check(self, request: Request, now_s: float) -> Caller:
        """Tells who made the request.

        Raises:
            RefusedError: nobody known; it carries the gateway's answer.
        """
        ...


class LenientCheck:
    """Tokens are checked for real; of a signed request only that its AK is known, not that its signature is right."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def check(self, request: Request, now_s: float) -> Caller:
        """As `Authenticator`; a signature comes before a token, as it does with the service."""
        signature = request.headers.get("Authorization")
        if signature is not None:
            return self._check_signature(signature)
        value = request.headers.get("X-Auth-Token")
        if value is None:
            raise refused("APIGW.0301", "x-auth-token not found")
        token = self._directory.find_token(value)
        if token is None:
            raise refused("APIGW.0301", "decrypt token fail")
        if token.expires_s <= now_s:
            raise refused("APIGW.0307", "token expires")
        return token.caller

    def _check_signature(self, signature: str) -> Caller:
        found = _SIGNED.fullmatch(signature)
        if found is None or found[1] != self._directory.access_key.ak:
            raise refused("APIGW.0301", "verify aksk signature fail")
        return self._directory.access_key.caller


def _text(rng: random.Random, bits: int) -> str:
    return f"{rng.getrandbits(bits):0{bits // 4}x}"
