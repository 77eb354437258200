"""The platform that jobs run on, a cluster or a CI system: it vouches for them with tokens that end."""

import base64
import random

import msgspec


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What the account has set up for logins by identity: the names that have to be right."""

    idp_id: str = "platform"
    provider_urn: str = "iam::sandbox:oidc-provider:platform"
    agency_urn: str = "iam::sandbox:agency:rekey"
    agency: str = "rekey"
    agency_domain: str = "sandbox"


TRUST = Trust()


class Platform:
    """Gives out tokens, and says which of them are good; times are seconds since the sandbox began."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._ends_s: dict[str, float] = {}
        self.token = self.vouch(0.0)
        """One that never ends."""
        self.request_token = self.vouch(0.0, life_s=0.0)
        """Good for nothing but to ask a CI system for one of the others."""

    def vouch(self, now_s: float, *, life_s: float = float("inf")) -> str:
        """A new token for the job, good from now on."""
        parts = (self._rng.randbytes(length) for length in (36, 120, 64))
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        self._ends_s[token] = now_s + life_s
        return token

    def vouches_for(self, token: str, now_s: float) -> bool:
        """Whether it was given out and is still good."""
        return self._ends_s.get(token, float("-inf")) > now_s

    @property
    def tokens(self) -> tuple[str, ...]:
        """All that were given out."""
        return tuple(self._ends_s)
