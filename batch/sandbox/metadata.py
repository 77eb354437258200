"""The metadata service of a cloud server: temporary keys of the server's agency, with or without a token first."""

import random
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from batch.sandbox.auth import AccessKey, Directory
from batch.sandbox.refusals import refused
from batch.sandbox.result import Result
from batch.sandbox.wire import Request

_TURNOVER = 0.5
"""After that part of their life the keys are replaced, so a client always gets some that last a while."""


class MetadataMode(StrEnum):
    """What kind of metadata service a server has."""

    TOKEN = "token"  # noqa: S105 # the name of a mode
    TOKENLESS = "tokenless"
    NO_AGENCY = "no-agency"


class _Keys(msgspec.Struct):
    access: str
    secret: str
    securitytoken: str
    expires_at: str


class _Answer(msgspec.Struct):
    credential: _Keys


class MetadataService:
    """Gives out the agency's keys."""

    def __init__(self, directory: Directory, mode: MetadataMode, rng: random.Random) -> None:
        self._directory = directory
        self._mode = mode
        self._rng = rng
        self._tokens: set[str] = set()
        self._key: AccessKey | None = None
        self._replace_s = 0.0

    def create_token(self, request: Request) -> Result:
        """A token for the other request; only its time to live has to be given."""
        if self._mode is MetadataMode.TOKENLESS:
            raise refused("META.0405")
        if not request.headers.get("X-Metadata-Token-Ttl-Seconds", "").isdigit():
            raise refused("META.0401")
        token = f"{self._rng.getrandbits(192):048x}"
        self._tokens.add(token)
        return Result(body=token.encode(), content_type="text/plain")

    def show_keys(self, request: Request, *, now_s: float, epoch_s: float) -> Result:
        """The keys in use, new ones when those are half used up."""
        if self._mode is MetadataMode.TOKEN and request.headers.get("X-Metadata-Token") not in self._tokens:
            raise refused("META.0401")
        if self._mode is MetadataMode.NO_AGENCY or self._directory.revoked:
            raise refused("META.0404")
        if self._key is None or now_s >= self._replace_s:
            self._key = self._directory.issue_keys(now_s)
            self._replace_s = now_s + _TURNOVER * ((self._key.expires_s or now_s) - now_s)
        expires = datetime.fromtimestamp(epoch_s + (self._key.expires_s or 0.0), UTC)
        shown = _Keys(
            access=self._key.ak,
            secret=self._key.sk,
            securitytoken=self._key.security_token or "",
            expires_at=expires.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        )
        return Result(body=msgspec.json.encode(_Answer(shown)))
