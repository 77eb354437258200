"""The credentials the sandbox gives out, how long each is valid, and taking them back."""

import random
from collections.abc import Iterable

import msgspec

from batch.sandbox.platform import Platform

_DAY_S = 86_400.0


class Caller(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The author of a request, and the projects they may work in."""

    project_ids: frozenset[str]


class IssuedToken(msgspec.Struct, frozen=True, kw_only=True):
    """An IAM token; times are seconds since the sandbox began."""

    value: str
    caller: Caller
    issued_s: float
    expires_s: float


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """An access key with its secret key; a temporary one has a token to be sent along, and an end."""

    ak: str
    sk: str
    caller: Caller
    security_token: str | None = None
    expires_s: float | None = None


class IamUser(msgspec.Struct, frozen=True, kw_only=True):
    """The IAM user that can get tokens by password."""

    domain: str
    name: str
    password: str


class Directory:
    """The credentials of one account: a user, an access key, and what was given out, for all its projects.

    `token_life_s` is how long a token is valid, a day as with the service, and `token_uses` for how many requests,
    None for any number. `key_life_s` is how long a server's temporary keys are good for.
    """

    def __init__(
        self,
        *,
        domain: str,
        project_ids: Iterable[str],
        rng: random.Random,
        token_life_s: float = _DAY_S,
        token_uses: int | None = None,
        key_life_s: float = _DAY_S,
    ) -> None:
        self._rng = rng
        self._token_life_s = token_life_s
        self._token_uses = token_uses
        self._key_life_s = key_life_s
        self._tokens: dict[str, IssuedToken] = {}
        self._uses: dict[str, int] = {}
        self.everywhere = Caller(project_ids=frozenset(project_ids))
        self.user = IamUser(domain=domain, name="rekey", password=_text(rng, 96))
        self.access_key = AccessKey(ak=f"HPUA{_text(rng, 64).upper()}", sk=_text(rng, 160), caller=self.everywhere)
        self._keys = {self.access_key.ak: self.access_key}
        # A separate generator, so that everything else stays the same for a seed.
        self.platform = Platform(random.Random(f"platform {self.access_key.sk}"))  # noqa: S311 # as all credentials here
        self.revoked = False
        """Everything was taken back: nothing opens anything any more, and nothing new is given out."""

    def issue(self, caller: Caller, now_s: float) -> IssuedToken:
        """A new token for the caller, good from now on."""
        token = IssuedToken(
            value=f"MIIsandbox{_text(self._rng, 384)}",
            caller=caller,
            issued_s=now_s,
            expires_s=now_s + self._token_life_s,
        )
        self._tokens[token.value] = token
        return token

    def issue_keys(self, now_s: float, life_s: float = _DAY_S) -> AccessKey:
        """New temporary keys of an agency, good for every project and for that long at most."""
        key = AccessKey(
            ak=f"HSTA{_text(self._rng, 64).upper()}",
            sk=_text(self._rng, 160),
            caller=self.everywhere,
            security_token=f"hQsandbox{_text(self._rng, 384)}",
            expires_s=now_s + min(self._key_life_s, life_s),
        )
        self._keys[key.ak] = key
        return key

    def find_token(self, value: str) -> IssuedToken | None:
        """The token of that value, expired or not, or None when it was never given out."""
        return self._tokens.get(value)

    def find_key(self, ak: str) -> AccessKey | None:
        """The keys of that access key, expired or not."""
        return self._keys.get(ak)

    def use(self, token: IssuedToken, now_s: float) -> bool:
        """Counts one use of a token; False when it has ended, by time or by use."""
        uses = self._uses[token.value] = self._uses.get(token.value, 0) + 1
        used_up = self._token_uses is not None and uses > self._token_uses
        return token.expires_s > now_s and not used_up

    def expire_tokens(self, now_s: float) -> None:
        """All tokens given out so far have ended; new ones can be had."""
        for value, token in self._tokens.items():
            if token.expires_s > now_s:
                self._tokens[value] = msgspec.structs.replace(token, expires_s=now_s)

    def revoke(self) -> None:
        """Takes everything back, for good."""
        self.revoked = True


def _text(rng: random.Random, bits: int) -> str:
    return f"{rng.getrandbits(bits):0{bits // 4}x}"
