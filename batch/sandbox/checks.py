"""The check every request passes before anything else is done for it, from strict to lenient."""

from enum import StrEnum
from typing import Protocol

from batch.sandbox.auth import AccessKey, Caller, Directory
from batch.sandbox.refusals import refused
from batch.sandbox.signatures import access_key_of, fault_in_signature
from batch.sandbox.wire import Request

_LOCKED_AFTER = 5
_LOCKED_S = 300.0


class AuthMode(StrEnum):
    """What the sandbox lets in."""

    STRICT = "strict"
    """Tokens and signatures, both verified as the service does it."""
    TOKEN = "token"  # noqa: S105 # the name of a mode
    """Tokens only."""
    SIGNED = "signed"
    """Signed requests only."""
    LENIENT = "lenient"
    """Tokens, and whatever carries a signature of a known access key, right or wrong."""


class Authenticator(Protocol):
    """Asked for every request to CSMS, KMS and the list of projects."""

    def check(self, request: Request, now_s: float) -> Caller:
        """Finds out who made the request.

        Raises:
            RefusedError: the caller is not known; it carries the gateway's answer.
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
            return self._check_signature(request, signature, now_s)
        value = request.headers.get("X-Auth-Token")
        if value is None:
            raise refused("APIGW.0301", "x-auth-token not found")
        token = None if self._directory.revoked else self._directory.find_token(value)
        if token is None:
            raise refused("APIGW.0301", "decrypt token fail")
        if not self._directory.use(token, now_s):
            raise refused("APIGW.0307", "token expires")
        return token.caller

    def _check_signature(self, request: Request, signature: str, now_s: float) -> Caller:  # noqa: ARG002 # stricter checks want them
        key = self._directory.find_key(access_key_of(signature) or "")
        if key is None:
            raise refused("APIGW.0301", "verify aksk signature fail")
        return key.caller


class StrictCheck(LenientCheck):
    """Signatures are verified, and six wrong ones in a row lock their access key for five minutes.

    `epoch_s` is the sandbox's start in UTC seconds since 1970; after `revoke_after` checks everything is taken back.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        epoch_s: float,
        mode: AuthMode = AuthMode.STRICT,
        revoke_after: int | None = None,
    ) -> None:
        super().__init__(directory)
        self._epoch_s = epoch_s
        self._mode = mode
        self._revoke_after = revoke_after
        self._checked = 0
        self._failed: dict[str, int] = {}
        self._locked_until_s: dict[str, float] = {}
        self.wrong_signatures = 0
        """How many came in all."""

    def check(self, request: Request, now_s: float) -> Caller:
        """As `Authenticator`."""
        self._checked += 1
        if self._revoke_after is not None and self._checked > self._revoke_after:
            self._directory.revoke()
        signed = request.headers.get("Authorization") is not None
        if self._mode is AuthMode.SIGNED and not signed:
            raise refused("APIGW.0301", "only signed requests are let in")
        if self._mode is AuthMode.TOKEN and signed:
            raise refused("APIGW.0301", "x-auth-token not found")
        return super().check(request, now_s)

    def _check_signature(self, request: Request, signature: str, now_s: float) -> Caller:
        if self._mode is AuthMode.LENIENT:
            return super()._check_signature(request, signature, now_s)
        ak = access_key_of(signature) or ""
        if self._locked_until_s.get(ak, now_s) > now_s:
            self.wrong_signatures += 1
            raise refused("APIGW.0301", "AK access failed to reach the limit, forbidden")
        key = None if self._directory.revoked else self._directory.find_key(ak)
        fault = "Get secretKey failed" if key is None else self._fault(request, key, now_s)
        if key is None or fault is not None:
            self._count_wrong(ak, now_s)
            raise refused("APIGW.0301", fault or "")
        self._failed.pop(ak, None)
        if key.expires_s is not None and key.expires_s <= now_s:
            raise refused("APIGW.0307", "the security token expires")
        return key.caller

    def _fault(self, request: Request, key: AccessKey, now_s: float) -> str | None:
        fault = fault_in_signature(request, key.sk, self._epoch_s + now_s)
        if fault is None and key.security_token != request.headers.get("X-Security-Token"):
            return "verify aksk signature fail: the security token is another"
        return fault

    def _count_wrong(self, ak: str, now_s: float) -> None:
        self.wrong_signatures += 1
        self._failed[ak] = self._failed.get(ak, 0) + 1
        if self._failed[ak] > _LOCKED_AFTER:
            self._locked_until_s[ak] = now_s + _LOCKED_S
